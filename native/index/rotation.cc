#include "index/rotation.h"

#include <cmath>
#include <utility>

#include "base/rng.h"

namespace widehead {

namespace {

constexpr size_t kRounds = 4;

// In place, n a power of two: x <- H x with H's elements 1 and -1.
void hadamard(float* x, size_t n) {
  for (size_t half = 1; half < n; half *= 2) {
    for (size_t begin = 0; begin < n; begin += 2 * half) {
      float *a = x + begin, *b = a + half;
      for (size_t i = 0; i < half; i++) {
        const float sum = a[i] + b[i], difference = a[i] - b[i];
        a[i] = sum;
        b[i] = difference;
      }
    }
  }
}

}  // namespace

Rotation::Rotation(size_t n, uint64_t seed) : n_(n), factors_(kRounds * n) {
  while (2 * width_ <= n) width_ *= 2;
  const float scale = static_cast<float>(1 / std::sqrt(static_cast<double>(width_)));
  for (size_t round = 0; round < kRounds; round++) {
    const size_t begin = round % 2 == 0 ? 0 : n - width_;
    for (size_t i = 0; i < n; i++) {
      const float sign = randomBits(seed, round * n + i) & 1 ? 1.0f : -1.0f;
      factors_[round * n + i] = i >= begin && i < begin + width_ ? sign * scale : sign;
    }
  }
}

void Rotation::apply(float* x) const {
  for (size_t round = 0; round < kRounds; round++) {
    const float* factors = &factors_[round * n_];
    for (size_t i = 0; i < n_; i++) x[i] *= factors[i];
    hadamard(round % 2 == 0 ? x : x + n_ - width_, width_);
  }
}

}  // namespace widehead
