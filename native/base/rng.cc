#include "base/rng.h"

#include <cmath>
#include <cstring>

namespace widehead {
namespace {

// Finaliser of splitmix64 (Stafford's variant 13).
uint64_t mix13(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

// Finaliser of MurmurHash3.
uint64_t mixMurmur(uint64_t x) {
  x = (x ^ (x >> 33)) * 0xFF51AFD7ED558CCDULL;
  x = (x ^ (x >> 33)) * 0xC4CEB9FE1A85EC53ULL;
  return x ^ (x >> 33);
}

// Natural logarithm of a positive normal number from +, -, *, / alone: libm differs from platform to platform in the
// last bit, and a model's first weights must not. With m in [sqrt(1/2), sqrt(2)) and s = (m - 1) / (m + 1), |s| < 0.172,
// log m = 2 atanh s; the series is cut below 1e-17.
double portableLog(double x) {
  uint64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  bits = (bits & 0x000FFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL;
  double m;
  std::memcpy(&m, &bits, sizeof m);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    exponent += 1;
  }
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  double series = 1.0 / 21.0;
  for (int odd = 19; odd >= 3; odd -= 2) series = series * z + 1.0 / odd;
  return exponent * 0.6931471805599453 + 2.0 * (s + s * z * series);
}

double ratio(const double (&top)[8], const double (&bottom)[8], double r) {
  double p = top[7], q = bottom[7];
  for (int i = 6; i >= 0; --i) {
    p = p * r + top[i];
    q = q * r + bottom[i];
  }
  return p / q;
}

// Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37 (1988), PPND16.
double normalQuantile(double p) {
  // clang-format off
  static const double a[8] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                              1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                              3.3430575583588128105e+4, 2.5090809287301226727e+3};
  static const double b[8] = {1.0,
                              4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
                              2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4,
                              5.2264952788528545610e+3};
  static const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,  5.76949722146069140550e0,
                              3.64784832476320460504e0,  1.27045825245236838258e0,  2.41780725177450611770e-1,
                              2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static const double d[8] = {1.0,
                              2.05319162663775882187e0,  1.67638483018380384940e0,  6.89767334985100004550e-1,
                              1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
                              1.05075007164441684324e-9};
  static const double e[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                              2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                              2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static const double f[8] = {1.0,
                              5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
                              7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
                              2.04426310338993978564e-15};
  // clang-format on
  const double q = p - 0.5;
  if (std::fabs(q) <= 0.425) return q * ratio(a, b, 0.180625 - q * q);
  const double r = std::sqrt(-portableLog(q < 0 ? p : 1.0 - p));
  const double tail = r <= 5.0 ? ratio(c, d, r - 1.6) : ratio(e, f, r - 5.0);
  return q < 0 ? -tail : tail;
}

}  // namespace

uint64_t randomBits(uint64_t seed, uint64_t index) {
  // Two rounds, keyed before each: with one, the streams of two seeds would be the same sequence shifted.
  const uint64_t key = mix13(seed + 0x9E3779B97F4A7C15ULL);
  const uint64_t x = mix13(index * 0x9E3779B97F4A7C15ULL + key);
  return mixMurmur(x ^ ((key << 32) | (key >> 32)));
}

double randomUniform(uint64_t seed, uint64_t index) {
  // 52 bits and a half: the 53rd would let the largest value round to 1.
  return (static_cast<double>(randomBits(seed, index) >> 12) + 0.5) * (1.0 / 4503599627370496.0);
}

double randomNormal(uint64_t seed, uint64_t index) { return normalQuantile(randomUniform(seed, index)); }

}  // namespace widehead
