// Counter-based random numbers: value i of stream `seed` is a pure function of (seed, i), so that any thread can make
// any part of a tensor and every ISA and platform makes the same bits (no libm, no fused operations).
#pragma once

#include <cstdint>

namespace widehead {

uint64_t randomBits(uint64_t seed, uint64_t index);     // 64 well-mixed bits
double randomUniform(uint64_t seed, uint64_t index);    // in (0, 1), never 0 or 1
double randomNormal(uint64_t seed, uint64_t index);     // mean 0, variance 1, by the inverse of the normal distribution

}  // namespace widehead
