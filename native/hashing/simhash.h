// Signs of Gaussian projections: one matrix product for a block of rows.
#pragma once

#include "hashing/hash_family.h"

namespace widehead {

class SimHash : public HashFamily {
 public:
  explicit SimHash(const HashSettings& settings);

  void keys(uint64_t* out, const float* rows, size_t rowStride, size_t n, HashScratch::Part& part) const override;
  void prepare(HashScratch::Part& part) const override;

  // Coordinate i of the direction behind hash h of table t.
  float direction(size_t t, size_t h, size_t i) const {
    return directions_[i * columns_ + t * settings_.hashesPerTable + h];
  }

 private:
  // gemm sums one or two rows in another order than many, and a row must hash the same alone and among others.
  static constexpr size_t kLeastRows = 4;

  size_t columns_;            // tables * hashesPerTable, rounded up to whole vectors
  Buffer<float> directions_;  // dimension x columns_
};

}  // namespace widehead
