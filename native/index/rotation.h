// A random rotation of vectors: it spreads what they have over all of their numbers, so that few bits a number lose little.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/buffer.h"

namespace widehead {

// Signs and Walsh-Hadamard transforms in turn, of the first and of the last 2^p numbers, O(n log n); lengths and products keep.
class Rotation {
 public:
  Rotation(size_t n, uint64_t seed);

  // x (n numbers) in place.
  void apply(float* x) const;

 private:
  const size_t n_;
  size_t width_ = 1;       // 2^p, the largest in n
  Buffer<float> factors_;  // kRounds x n: a random sign, and for the numbers that are transformed 1 / sqrt(2^p)
};

}  // namespace widehead
