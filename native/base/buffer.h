// Scratch and parameter memory: 64-byte aligned, grows without keeping its contents, throws a typed error when
// memory is short.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.h"

namespace widehead {

void* allocateAligned(size_t bytes);  // throws Error WIDEHEAD_OUT_OF_MEMORY
void freeAligned(void* memory) noexcept;

template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t count) { reserve(count); }
  ~Buffer() { freeAligned(data_); }
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }

  // At least `count` elements, contents undefined.
  T* reserve(size_t count) {
    if (count > capacity_) {
      void* fresh = allocateAligned(count > SIZE_MAX / sizeof(T) ? SIZE_MAX : count * sizeof(T));
      freeAligned(data_);
      data_ = static_cast<T*>(fresh);
      capacity_ = count;
    }
    return data_;
  }
  T* zeros(size_t count) {
    reserve(count);
    if (count > 0) std::memset(static_cast<void*>(data_), 0, count * sizeof(T));
    return data_;
  }

  T* data() const { return data_; }
  T& operator[](size_t i) const { return data_[i]; }
  size_t capacity() const { return capacity_; }
  size_t bytes() const { return capacity_ * sizeof(T); }

 private:
  T* data_ = nullptr;
  size_t capacity_ = 0;
};

}  // namespace widehead
