// Draws from any distribution over n numbers in constant time: Walker's alias method, the table built as Vose does
// ("A linear algorithm for generating random numbers with a given distribution", 1991).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/archive.h"
#include "base/buffer.h"

namespace widehead {

class AliasTable {
 public:
  explicit AliasTable(size_t n) : n_(n), shares_(n), thresholds_(n), aliases_(n), work_(n) {}

  // In proportion to weight(i), at least 0 and not all 0. Allocates nothing.
  template <class Weight>
  void build(Weight&& weight) {
    double total = 0;
    for (size_t i = 0; i < n_; i++) total += thresholds_[i] = weight(i);
    for (size_t i = 0; i < n_; i++) {
      shares_[i] = static_cast<float>(thresholds_[i] / total);
      thresholds_[i] *= static_cast<double>(n_) / total;
    }
    pair();
  }

  // u: uniform in (0, 1).
  uint32_t draw(double u) const {
    const double scaled = u * static_cast<double>(n_);
    const size_t column = static_cast<size_t>(scaled) < n_ ? static_cast<size_t>(scaled) : n_ - 1;
    return scaled - static_cast<double>(column) < thresholds_[column] ? static_cast<uint32_t>(column) : aliases_[column];
  }
  double share(size_t i) const { return shares_[i]; }
  void archive(Archive& archive);
  void checkRestored() const;
  size_t bytes() const { return shares_.bytes() + thresholds_.bytes() + aliases_.bytes() + work_.bytes(); }

 private:
  // Fills up each column that has less than its share of the area from one that has more.
  void pair();

  size_t n_;
  Buffer<float> shares_;
  Buffer<double> thresholds_;
  Buffer<uint32_t> aliases_, work_;
};

}  // namespace widehead
