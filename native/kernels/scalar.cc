// The reference: every kernel as its contract says it, for CPUs without a better table and as the tests' yardstick.
#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/tables.h"

namespace widehead {
namespace scalar {
namespace {

constexpr size_t kMr = 4, kNr = 8;

void compensatedAxpy(float* hi, float* lo, float alpha, const float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const float term = alpha * x[i];
    const float sum = hi[i] + term;
    const float back = sum - hi[i];
    const float rest = lo[i] + ((hi[i] - (sum - back)) + (term - back));
    hi[i] = sum + rest;
    lo[i] = rest - (hi[i] - sum);
  }
}

void gemmTile(const TileOutput& out, size_t rows, size_t cols, const TileTerm* terms, size_t count) {
  float sums[kMr][kNr] = {};
  for (const TileTerm* term = terms; term < terms + count; ++term)
    for (size_t p = 0; p < term->k; ++p) {
      const float* a = term->a + static_cast<ptrdiff_t>(p) * term->aStep;
      const float* b = term->b + static_cast<ptrdiff_t>(p) * term->bStep;
      for (size_t i = 0; i < rows; ++i)
        for (size_t j = 0; j < cols; ++j) sums[i][j] += a[static_cast<ptrdiff_t>(i) * term->aRow] * b[j];
    }
  for (size_t i = 0; i < rows; ++i) {
    float* c = out.c + static_cast<ptrdiff_t>(i) * out.cStride;
    if (out.lo != nullptr) {
      compensatedAxpy(c, out.lo + static_cast<ptrdiff_t>(i) * out.loStride, out.alpha, sums[i], cols);
      continue;
    }
    for (size_t j = 0; j < cols; ++j) c[j] = out.add ? c[j] + out.alpha * sums[i][j] : out.alpha * sums[i][j];
  }
}

float dot(const float* x, const float* y, size_t n) {
  float partial[8] = {};
  for (size_t i = 0; i < n; ++i) partial[i % 8] += x[i] * y[i];
  return ((partial[0] + partial[4]) + (partial[1] + partial[5])) +
         ((partial[2] + partial[6]) + (partial[3] + partial[7]));
}

void dots(float* t, ptrdiff_t tStride, const float* a, ptrdiff_t aStride, size_t m, const float* b, ptrdiff_t bStride,
          size_t n, size_t k) {
  for (size_t i = 0; i < m; ++i)
    for (size_t j = 0; j < n; ++j)
      t[static_cast<ptrdiff_t>(i) * tStride + static_cast<ptrdiff_t>(j)] =
          dot(a + static_cast<ptrdiff_t>(i) * aStride, b + static_cast<ptrdiff_t>(j) * bStride, k);
}

double dotDouble(const float* x, const float* y, size_t n) {
  double partial[4] = {};
  for (size_t i = 0; i < n; ++i) partial[i % 4] += static_cast<double>(x[i]) * y[i];
  return (partial[0] + partial[2]) + (partial[1] + partial[3]);
}

double dotWide(const double* x, const float* y, size_t n) {
  double partial[4] = {};
  for (size_t i = 0; i < n; ++i) partial[i % 4] += x[i] * y[i];
  return (partial[0] + partial[2]) + (partial[1] + partial[3]);
}

void axpyWide(double* y, double alpha, const float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] += alpha * x[i];
}

void axpy(float* y, float alpha, const float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] += alpha * x[i];
}

void scale(float* y, float alpha, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] *= alpha;
}

void compensatedAxpyWide(float* hi, float* lo, double alpha, const double* x, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const double sum = static_cast<double>(hi[i]) + lo[i] + alpha * x[i];
    hi[i] = static_cast<float>(sum);
    lo[i] = static_cast<float>(sum - hi[i]);
  }
}

void combine(float* out, const Term* terms, size_t count, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (size_t k = 0; k < count; ++k) sum += terms[k].coefficient * (terms[k].wide ? terms[k].wide[i] : terms[k].x[i]);
    out[i] = static_cast<float>(sum);
  }
}

void codeDots(int32_t* sums, const uint8_t* codes, size_t blocks, size_t groups, const int8_t* x) {
  for (size_t b = 0; b < blocks; ++b, sums += kCodeRows)
    for (size_t r = 0; r < kCodeRows; ++r) {
      int32_t sum = 0;
      for (size_t g = 0; g < groups; ++g)
        for (size_t i = 0; i < 4; ++i) {
          const uint8_t byte = codes[64 * (b * groups + g) + 4 * r + i];
          sum += (byte & 15) * x[8 * g + i] + (byte >> 4) * x[8 * g + 4 + i];
        }
      sums[r] = sum;
    }
}

void pack(float* out, size_t width, const float* x, ptrdiff_t laneStride, ptrdiff_t depthStride, size_t lanes,
          size_t depth) {
  for (size_t p = 0; p < depth; ++p)
    for (size_t i = 0; i < width; ++i)
      out[p * width + i] =
          i < lanes ? x[static_cast<ptrdiff_t>(i) * laneStride + static_cast<ptrdiff_t>(p) * depthStride] : 0.0f;
}

void transpose(float* out, ptrdiff_t outStride, const float* x, ptrdiff_t xStride, size_t rows, size_t cols) {
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < cols; ++j)
      out[static_cast<ptrdiff_t>(j) * outStride + static_cast<ptrdiff_t>(i)] =
          x[static_cast<ptrdiff_t>(i) * xStride + static_cast<ptrdiff_t>(j)];
}

void subtractProduct(double* c, ptrdiff_t cStride, const double* a, ptrdiff_t aStride, ptrdiff_t aStep, const double* b,
                     ptrdiff_t bStride, size_t m, size_t n, size_t k) {
  for (size_t i = 0; i < m; ++i, c += cStride, a += aStride)
    for (size_t p = 0; p < k; ++p) {
      const double factor = a[static_cast<ptrdiff_t>(p) * aStep];
      const double* row = b + static_cast<ptrdiff_t>(p) * bStride;
      for (size_t j = 0; j < n; ++j) c[j] -= factor * row[j];
    }
}

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

// e^y = power (1 + expm1): y = k ln 2 + r with |r| <= ln 2 / 2, power = 2^k, and expm1 is the Taylor series of e^r - 1: what is
// left out is below 2e-8 of it.
struct ExpParts {
  float power, expm1;
};

ExpParts expParts(float y) {
  // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits: no conversion, no rounding mode.
  const float shifted = y * 1.44269504f + 12582912.0f;
  const float k = shifted - 12582912.0f;
  // ln 2 in two parts, the first of 9 bits: k times it is exact.
  const float r = (y - k * 0.693359375f) + k * 2.12194440e-4f;
  float series = 1.0f / 5040;
  series = series * r + 1.0f / 720;
  series = series * r + 1.0f / 120;
  series = series * r + 1.0f / 24;
  series = series * r + 1.0f / 6;
  series = series * r + 0.5f;
  return {fromBits((bitsOf(shifted) << 23) + 0x3f800000u), r + r * r * series};
}

// tanh|x| = e / (e + 2) with e = exp(2|x|) - 1 has no cancellation anywhere.
float tanhOf(float x) {
  const uint32_t sign = bitsOf(x) & 0x80000000u;
  const float magnitude = std::fabs(x);
  // tanh(9.1) rounds to 1; this order keeps a NaN
  const ExpParts parts = expParts(2 * (magnitude > 9.1f ? 9.1f : magnitude));
  const float e = parts.power * parts.expm1 + (parts.power - 1);
  return fromBits(bitsOf(e / (e + 2)) | sign);
}

// At -88.03 and below, k is -127 and its power 0.
float expOf(float x) {
  const ExpParts parts = expParts(x < -88.03f ? -88.03f : x);
  return parts.power + parts.power * parts.expm1;
}

void tanh(float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) x[i] = tanhOf(x[i]);
}

float largest(const float* x, size_t n) {
  float most = x[0];
  for (size_t i = 1; i < n; ++i) most = x[i] > most ? x[i] : most;
  return most;
}

float largestExcess(const float* x, ptrdiff_t stride, size_t rows, const float* shifts, size_t shiftStride,
                    const float* limits, size_t n) {
  float most = x[0] + (shifts == nullptr ? 0 : shifts[0]) - limits[0];
  for (size_t i = 0; i < rows; ++i, x += stride) {
    const float shift = shifts == nullptr ? 0 : shifts[i * shiftStride];
    for (size_t j = 0; j < n; ++j) {
      const float excess = x[j] + shift - limits[j];
      most = excess > most ? excess : most;
    }
  }
  return most;
}

double expSum(float* x, float shift, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    x[i] = expOf(x[i] - shift);
    sum += x[i];
  }
  return sum;
}

void adagrad(float* w, float* sums, const float* g, float scale, float rate, float epsilon, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const float h = scale * g[i];
    sums[i] += h * h;
    w[i] -= rate * h / (std::sqrt(sums[i]) + epsilon);
  }
}

void adam(float* w, float* means, float* squares, const float* g, const AdamStep& step, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const float h = step.scale * g[i];
    means[i] += step.toMean * (h - means[i]);
    squares[i] += step.toSquare * (h * h - squares[i]);
    w[i] -= step.rate * means[i] / (std::sqrt(squares[i] * step.correction) + step.epsilon);
  }
}

}  // namespace

// clang-format off
const Kernels table = {"scalar", kMr,  kNr,   kNr,             gemmTile, dot, dots, dotDouble, dotWide, axpyWide,
                       axpy,     scale, compensatedAxpy, compensatedAxpyWide, combine, codeDots, pack, transpose, subtractProduct,
                       tanh,     largest, largestExcess, expSum, adagrad, adam};
// clang-format on

}  // namespace scalar
}  // namespace widehead
