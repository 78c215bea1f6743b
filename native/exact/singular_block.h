// The few largest singular values of a matrix that changes a little from step to step, by orthogonal iteration.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/buffer.h"
#include "base/byte_stream.h"
#include "base/matrix.h"

namespace widehead {

// A block of orthonormal vectors that is carried from look to look, so that an iteration or two brings it back. Several
// vectors, because the matrix is read once for all of them, and because what is second today is the answer once the
// first has been corrected. In float32: an estimate needs no more, and every digit more costs a pass over more memory.
class SingularBlock {
 public:
  static constexpr size_t kVectors = 3;

  SingularBlock(size_t features, uint64_t seed);

  // Turns the block towards the left singular vectors of `matrix` (n x n, row-major) with the largest values.
  void iterate(ConstMatrixF matrix, int iterations);
  // Estimates from below, falling; 0 where iterate() found nothing.
  double value(size_t i) const { return values_[i]; }
  const float* vector(size_t i) const { return &x_[i * features_]; }
  // A random start for a vector that has served.
  void renew(size_t i);
  // Puts x, of any length but 0, in the place of the vector with the least value.
  void suggest(const double* x);

  void archive(ByteStream& stream);

 private:
  void orthonormalise();
  void rotate();

  const size_t features_;
  const uint64_t seed_;
  uint64_t draws_ = 0;
  Buffer<float> x_, t_;  // kVectors x features: the block, and matrix^T times it
  double values_[kVectors] = {};
};

}  // namespace widehead
