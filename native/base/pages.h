// Large zeroed memory straight from the system: a page costs nothing until it is touched.
#pragma once

#include <cstddef>
#include <utility>

namespace widehead {

// a * b elements; throws Error WIDEHEAD_OUT_OF_MEMORY if their bytes cannot be counted.
size_t elementCount(size_t a, size_t b);
// Whole: every element will be written, so that the system may hand out memory in large pages, which take fewer misses of
// the address cache. Never for tables of which some rows may stay zero: one row would cost 2 MiB.
enum class Fill { Sparse, Whole };

void* reservePages(size_t bytes, Fill fill);   // zeroed; throws Error WIDEHEAD_OUT_OF_MEMORY
void expectWhole(void* memory, size_t bytes);  // what is about to be written in full may come in large pages after all
void releasePages(void* memory, size_t bytes) noexcept;

template <class T>
class Pages {
 public:
  Pages() = default;
  explicit Pages(size_t count, Fill fill = Fill::Sparse)
      : data_(static_cast<T*>(reservePages(count * sizeof(T), fill))), count_(count) {}
  ~Pages() { releasePages(data_, bytes()); }
  Pages(Pages&& other) noexcept : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  Pages& operator=(Pages&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }

  void expectWhole() { widehead::expectWhole(data_, bytes()); }
  T* data() const { return data_; }
  T& operator[](size_t i) const { return data_[i]; }
  size_t size() const { return count_; }
  size_t bytes() const { return count_ * sizeof(T); }

 private:
  T* data_ = nullptr;
  size_t count_ = 0;
};

}  // namespace widehead
