#include "trunk/activation.h"

#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/error.h"

namespace widehead {
namespace {

uint32_t bitsOf(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

float fromBits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// tanh|x| = e / (e + 2) with e = exp(2|x|) - 1 has no cancellation anywhere. With 2|x| = k ln 2 + r, |r| <= ln 2 / 2,
// e = 2^k (exp(r) - 1) + (2^k - 1), and exp(r) - 1 is its Taylor series: what is left out is below 2e-8 of it.
inline float tanhOf(float x) {
  const uint32_t sign = bitsOf(x) & 0x80000000u;
  const float magnitude = std::fabs(x);
  const float y = 2 * (magnitude > 9.1f ? 9.1f : magnitude);  // tanh(9.1) rounds to 1; this order keeps a NaN
  // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits: no conversion, no rounding mode.
  const float shifted = y * 1.44269504f + 12582912.0f;
  const float k = shifted - 12582912.0f;
  const float power = fromBits((bitsOf(shifted) << 23) + 0x3f800000u);
  // ln 2 in two parts, the first of 9 bits: k times it is exact.
  const float r = (y - k * 0.693359375f) + k * 2.12194440e-4f;
  float series = 1.0f / 5040;
  series = series * r + 1.0f / 720;
  series = series * r + 1.0f / 120;
  series = series * r + 1.0f / 24;
  series = series * r + 1.0f / 6;
  series = series * r + 0.5f;
  const float expm1 = r + r * r * series;
  const float e = power * expm1 + (power - 1);
  return fromBits(bitsOf(e / (e + 2)) | sign);
}

void tanhForward(float* z, size_t n) {
  for (size_t i = 0; i < n; ++i) z[i] = tanhOf(z[i]);
}
void tanhBackward(float* dy, const float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) dy[i] *= 1 - y[i] * y[i];
}

// Written so that a NaN stays one.
void reluForward(float* z, size_t n) {
  for (size_t i = 0; i < n; ++i) z[i] = z[i] < 0 ? 0 : z[i];
}
void reluBackward(float* dy, const float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) dy[i] = y[i] > 0 ? dy[i] : 0;
}

void linearForward(float*, size_t) {}
void linearBackward(float*, const float*, size_t) {}

constexpr Activation kActivations[] = {
    {"tanh", tanhForward, tanhBackward, false},
    {"relu", reluForward, reluBackward, true},
    {"linear", linearForward, linearBackward, false},
};

}  // namespace

const Activation& findActivation(const std::string& name) {
  for (const Activation& activation : kActivations) {
    if (name == activation.name) return activation;
  }
  throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE", "activation is unknown: " + name);
}

std::vector<std::string> activationNames() {
  std::vector<std::string> names;
  for (const Activation& activation : kActivations) names.push_back(activation.name);
  return names;
}

}  // namespace widehead
