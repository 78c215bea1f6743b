// Numbers and lists one after the other, as bytes: the same code writes them and reads them back. What is read is not
// believed: no memory is asked for because of a length that the bytes do not bear out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace widehead {

class ByteStream {
 public:
  ByteStream() = default;  // writes
  ByteStream(const uint8_t* data, size_t size) : next_(data), left_(size), loading_(true) {}

  bool loading() const { return loading_; }
  const std::vector<uint8_t>& written() const { return written_; }

  // Throws Error WIDEHEAD_FILE with this explanation unless what was read makes sense.
  static void require(bool sound, const char* what) {
    if (!sound) throw Error(ErrorKind::State, "WIDEHEAD_FILE", std::string("the saved state is damaged: ") + what);
  }

  template <class T>
  void number(T& value) {
    static_assert(std::is_arithmetic_v<T>);
    bytes(&value, sizeof value);
  }
  template <class T>
  void array(T* data, size_t count) {
    static_assert(std::is_arithmetic_v<T>);
    bytes(data, count * sizeof(T));
  }
  // As long as it was when it was written.
  template <class T>
  void list(std::vector<T>& values) {
    values.resize(length(values.size(), sizeof(T)));
    array(values.data(), values.size());
  }
  // The length of a container whose elements take at least `atLeast` bytes each.
  size_t length(size_t own, size_t atLeast) {
    uint64_t count = own;
    number(count);
    expect(static_cast<size_t>(count), atLeast);
    return static_cast<size_t>(count);
  }
  // Called before memory is asked for: there must be `count` elements of `size` bytes to come.
  void expect(size_t count, size_t size) const {
    if (loading_) require(count <= left_ / size, "a list is longer than the file");
  }
  void end() const { require(left_ == 0, "there is more than was read"); }

 private:
  void bytes(void* data, size_t size) {
    if (size == 0) return;
    if (!loading_) {
      const auto* from = static_cast<const uint8_t*>(data);
      written_.insert(written_.end(), from, from + size);
      return;
    }
    require(size <= left_, "it ends too early");
    std::memcpy(data, next_, size);
    next_ += size;
    left_ -= size;
  }

  std::vector<uint8_t> written_;
  const uint8_t* next_ = nullptr;
  size_t left_ = 0;
  bool loading_ = false;
};

}  // namespace widehead
