// The best of many places by an estimate, the same ones in whatever order they come.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace widehead {

class Shortlist {
 public:
  struct Item {
    float estimate;
    uint32_t place;
  };

  // Empty, for the best `size` of those that come; keeps its memory.
  void start(size_t size) {
    size_ = size;
    limit_ = -std::numeric_limits<float>::infinity();
    items_.clear();
    items_.reserve(2 * size + kBatch);
  }

  // Places first .. first + n - 1, n <= kBatch.
  static constexpr size_t kBatch = 256;
  void offer(const float* estimates, size_t n, size_t first) {
    for (size_t i = 0; i < n; i++) {
      if (estimates[i] >= limit_) items_.push_back({estimates[i], static_cast<uint32_t>(first + i)});
    }
    if (items_.size() >= 2 * size_) cut();
  }
  void add(const Shortlist& other) {
    items_.insert(items_.end(), other.items_.begin(), other.items_.end());
    cut();
  }
  const std::vector<Item>& finish() {
    cut();
    return items_;
  }

  // Estimates below it are not taken any more.
  float limit() const { return limit_; }

 private:
  static bool before(const Item& a, const Item& b) {
    return a.estimate != b.estimate ? a.estimate > b.estimate : a.place < b.place;
  }
  void cut() {
    if (items_.size() <= size_) return;
    const auto last = items_.begin() + static_cast<ptrdiff_t>(size_ - 1);
    std::nth_element(items_.begin(), last, items_.end(), before);
    limit_ = last->estimate;
    items_.resize(size_);
  }

  size_t size_ = 0;
  float limit_ = 0;
  std::vector<Item> items_;
};

}  // namespace widehead
