#if defined(__x86_64__) || defined(_M_X64)

#include <immintrin.h>

#include <cstring>

#include "kernels/tables.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

namespace widehead {
namespace avx2 {
namespace {

constexpr char kName[] = "avx2";
// 12 of the 16 registers sum, 2 hold the row of b, 1 a broadcast of a.
constexpr size_t kMr = 6, kVecs = 2;
constexpr size_t kRows64 = 4, kVecs64 = 3;
constexpr size_t kDotRows = 2;

using Vec = __m256;
constexpr size_t kLanes = 8;
// A window into these ones and zeros is the mask of the first n lanes.
alignas(64) constexpr int kMask[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
inline __m256i first(size_t n) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMask + 8 - n)); }
inline Vec zero() { return _mm256_setzero_ps(); }
inline Vec set1(float x) { return _mm256_set1_ps(x); }
inline Vec load(const float* x) { return _mm256_loadu_ps(x); }
inline void store(float* x, Vec v) { _mm256_storeu_ps(x, v); }
inline Vec loadPart(const float* x, size_t n) { return _mm256_maskload_ps(x, first(n)); }
inline void storePart(float* x, Vec v, size_t n) { _mm256_maskstore_ps(x, first(n), v); }
inline Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
inline Vec sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
inline Vec mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
inline Vec div(Vec a, Vec b) { return _mm256_div_ps(a, b); }
inline Vec root(Vec v) { return _mm256_sqrt_ps(v); }
inline Vec minimum(Vec a, Vec b) { return _mm256_min_ps(a, b); }
inline Vec maximum(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline Vec absolute(Vec v) { return _mm256_andnot_ps(set1(-0.0f), v); }
inline Vec withSignOf(Vec v, Vec x) { return _mm256_or_ps(v, _mm256_and_ps(set1(-0.0f), x)); }
inline Vec powerOfTwo(Vec v) {
  const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(v), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32(0x3f800000)));
}
inline Vec inRegister(Vec v) {
#if defined(__GNUC__)
  __asm__("" : "+x"(v));
#endif
  return v;
}

using Vec64 = __m256d;
constexpr size_t kLanes64 = 4;
inline __m256i first64(size_t n) { return first(2 * n); }
inline Vec64 zero64() { return _mm256_setzero_pd(); }
inline Vec64 set164(double x) { return _mm256_set1_pd(x); }
inline Vec64 load64(const double* x) { return _mm256_loadu_pd(x); }
inline void store64(double* x, Vec64 v) { _mm256_storeu_pd(x, v); }
inline Vec64 loadPart64(const double* x, size_t n) { return _mm256_maskload_pd(x, first64(n)); }
inline void storePart64(double* x, Vec64 v, size_t n) { _mm256_maskstore_pd(x, first64(n), v); }
inline Vec64 add64(Vec64 a, Vec64 b) { return _mm256_add_pd(a, b); }
inline Vec64 fma64(Vec64 a, Vec64 b, Vec64 c) { return _mm256_fmadd_pd(a, b, c); }
inline Vec64 fnma64(Vec64 a, Vec64 b, Vec64 c) { return _mm256_fnmadd_pd(a, b, c); }
inline Vec64 widen(const float* x) { return _mm256_cvtps_pd(_mm_loadu_ps(x)); }
inline Vec64 widenPart(const float* x, size_t n) {
  return _mm256_cvtps_pd(_mm_maskload_ps(x, _mm256_castsi256_si128(first(n))));
}
inline Vec64 sub64(Vec64 a, Vec64 b) { return _mm256_sub_pd(a, b); }
inline void narrow(float* x, Vec64 v) { _mm_storeu_ps(x, _mm256_cvtpd_ps(v)); }
inline void narrowPart(float* x, Vec64 v, size_t n) {
  _mm_maskstore_ps(x, _mm256_castsi256_si128(first(n)), _mm256_cvtpd_ps(v));
}

#include "kernels/transpose_avx.inc"

// A half byte times eight bits, in pairs, is at most 3810: eight of them fit in 16 bits.
constexpr size_t kCodeGroups = 4;
inline __m256i spread(const int8_t* x) {
  int32_t word;
  std::memcpy(&word, x, sizeof word);
  return _mm256_set1_epi32(word);
}
inline __m256i codeProducts(const uint8_t* codes, __m256i x, __m256i y) {
  const __m256i low = _mm256_set1_epi8(15);
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
  const __m256i first = _mm256_maddubs_epi16(_mm256_and_si256(bytes, low), x);
  return _mm256_add_epi16(first, _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(bytes, 4), low), y));
}
// The two halves of a block.
void codeDots(int32_t* sums, const uint8_t* codes, size_t blocks, size_t groups, const int8_t* x) {
  const __m256i ones = _mm256_set1_epi16(1);
  for (size_t b = 0; b < blocks; ++b) {
    __m256i sums0 = _mm256_setzero_si256(), sums1 = sums0;
    for (size_t g = 0; g < groups;) {
      const size_t end = groups - g < kCodeGroups ? groups : g + kCodeGroups;
      __m256i part0 = _mm256_setzero_si256(), part1 = part0;
      for (; g < end; ++g, codes += 64) {
        const __m256i a = spread(x + 8 * g), c = spread(x + 8 * g + 4);
        part0 = _mm256_add_epi16(part0, codeProducts(codes, a, c));
        part1 = _mm256_add_epi16(part1, codeProducts(codes + 32, a, c));
      }
      sums0 = _mm256_add_epi32(sums0, _mm256_madd_epi16(part0, ones));
      sums1 = _mm256_add_epi32(sums1, _mm256_madd_epi16(part1, ones));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + kCodeRows * b), sums0);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + kCodeRows * b + 8), sums1);
  }
}

}  // namespace

#include "kernels/generic.inc"

}  // namespace avx2
}  // namespace widehead

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

#endif
