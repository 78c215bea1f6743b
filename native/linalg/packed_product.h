// Products of many rows with one small matrix, which is packed once: queries against all rows of W.
#pragma once

#include "base/buffer.h"
#include "base/matrix.h"

namespace widehead {

class PackedFactor {
 public:
  // Packs B (n x k), row-major.
  explicit PackedFactor(ConstMatrixF b);

  // C (rows x n) = A (rows x k) B^T on this thread, with the bits of gemm; C and A row-major. `ahead`, if not null, are
  // `aheadFloats` numbers that a later call will read: they are asked for a few at a time between the tiles.
  void multiply(MatrixF c, ConstMatrixF a, const float* ahead, size_t aheadFloats) const;

  size_t columns() const { return n_; }

 private:
  struct Range {
    size_t begin, size;
  };
  Range stepsOf(size_t block) const;
  Range columnsOf(size_t panel) const;

  const size_t n_, k_, depthBlocks_, panels_;
  Buffer<float> packed_;  // block by block of depth, in each panel by panel
};

}  // namespace widehead
