// Counter-based random numbers: value i of stream `seed` is a pure function of (seed, i), so that any thread can make
// any part of a tensor and every ISA and platform makes the same bits (no libm, no fused operations).
#pragma once

#include <cstddef>
#include <cstdint>

namespace widehead {

uint64_t randomBits(uint64_t seed, uint64_t index);  // 64 well-mixed bits
// 0 to bound - 1, bound at most 2^32; the bias is below bound / 2^32.
inline size_t randomBelow(uint64_t seed, uint64_t index, size_t bound) {
  return static_cast<size_t>((randomBits(seed, index) >> 32) * bound >> 32);
}
double randomUniform(uint64_t seed, uint64_t index);  // in (0, 1), never 0 or 1
double randomNormal(uint64_t seed, uint64_t index);   // mean 0, variance 1, by the inverse of the normal distribution

}  // namespace widehead
