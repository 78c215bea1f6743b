// All that a later step depends on, named once by its owner for saving and for loading: archive(Archive&) of heads, tables
// and optimisers. Small arrays are copied; memory that grows with the number of rows is only pointed to, and streamed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/byte_stream.h"

namespace widehead {

// Names are those of safetensors.
template <class T>
constexpr const char* dtypeOf();
// clang-format off
template <>
constexpr const char* dtypeOf<float>() { return "F32"; }
template <>
constexpr const char* dtypeOf<double>() { return "F64"; }
template <>
constexpr const char* dtypeOf<uint8_t>() { return "U8"; }
template <>
constexpr const char* dtypeOf<uint32_t>() { return "U32"; }
template <>
constexpr const char* dtypeOf<uint64_t>() { return "U64"; }
// clang-format on

struct ArchivedTensor {
  std::string name;
  const char* dtype;
  std::vector<size_t> shape;
  void* data;
  size_t bytes;
  bool streamed;            // memory of the owner's, or a copy
  bool replicated = false;  // of a streamed one: the same on all ranks, whole
};

class Archive {
 public:
  virtual ~Archive() = default;

  // rows x cols, row-major and packed; the memory must stay where it is while the archive is in use.
  template <class T>
  void rows(std::string name, T* data, size_t rows, size_t cols) {
    tensor({std::move(name), dtypeOf<T>(), {rows, cols}, data, rows * cols * sizeof(T), true});
  }
  // The same of what all ranks hold alike: one of them saves it for all.
  template <class T>
  void replicatedRows(std::string name, T* data, size_t rows, size_t cols) {
    tensor({std::move(name), dtypeOf<T>(), {rows, cols}, data, rows * cols * sizeof(T), true, true});
  }
  template <class T>
  void array(std::string name, std::vector<size_t> shape, T* data) {
    size_t count = 1;
    for (const size_t size : shape) count *= size;
    tensor({std::move(name), dtypeOf<T>(), std::move(shape), data, count * sizeof(T), false});
  }
  // Whether the rows that are being loaded were saved by another number of ranks: they are all there, in an order of their own.
  virtual bool relaid() const { return false; }
  // What has no fixed shape.
  virtual void record(const std::string& name, const std::function<void(ByteStream&)>& body) = 0;

 protected:
  virtual void tensor(ArchivedTensor tensor) = 0;
};

// Gathers what is to be saved.
class Saver : public Archive {
 public:
  void record(const std::string& name, const std::function<void(ByteStream&)>& body) override;
  const std::vector<ArchivedTensor>& tensors() const { return tensors_; }

 protected:
  void tensor(ArchivedTensor tensor) override;

 private:
  std::vector<ArchivedTensor> tensors_;
  std::deque<std::vector<uint8_t>> copies_;
};

// Puts small arrays back, and tells where the streamed ones go. Throws Error WIDEHEAD_FILE for what is missing or of another shape.
class Loader : public Archive {
 public:
  // `given`: the small arrays; they must outlive the loader.
  explicit Loader(std::vector<ArchivedTensor> given, bool relaid = false) : given_(std::move(given)), relaid_(relaid) {}

  bool relaid() const override { return relaid_; }
  void record(const std::string& name, const std::function<void(ByteStream&)>& body) override;
  const std::vector<ArchivedTensor>& streamed() const { return streamed_; }

 protected:
  void tensor(ArchivedTensor tensor) override;

 private:
  const ArchivedTensor& find(const std::string& name) const;

  const std::vector<ArchivedTensor> given_;
  const bool relaid_;
  std::vector<ArchivedTensor> streamed_;
};

}  // namespace widehead
