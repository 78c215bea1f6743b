#if defined(__x86_64__) || defined(_M_X64)

#include <immintrin.h>

#include <cstring>

#include "kernels/tables.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,fma")
#endif

namespace widehead {
namespace avx512 {
namespace {

constexpr char kName[] = "avx512";
// 24 of the 32 registers sum, 3 hold the row of b, 1 a broadcast of a.
constexpr size_t kMr = 8, kVecs = 3;
constexpr size_t kRows64 = 8, kVecs64 = 3;
constexpr size_t kDotRows = 4;

using Vec = __m512;
constexpr size_t kLanes = 16;
inline __mmask16 first(size_t n) { return static_cast<__mmask16>((1u << n) - 1); }
inline Vec zero() { return _mm512_setzero_ps(); }
inline Vec set1(float x) { return _mm512_set1_ps(x); }
inline Vec load(const float* x) { return _mm512_loadu_ps(x); }
inline void store(float* x, Vec v) { _mm512_storeu_ps(x, v); }
inline Vec loadPart(const float* x, size_t n) { return _mm512_maskz_loadu_ps(first(n), x); }
inline void storePart(float* x, Vec v, size_t n) { _mm512_mask_storeu_ps(x, first(n), v); }
inline Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
inline Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
inline Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
inline Vec div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
inline Vec root(Vec v) { return _mm512_maskz_sqrt_ps(0xffff, v); }
inline Vec minimum(Vec a, Vec b) { return _mm512_maskz_min_ps(0xffff, a, b); }
inline Vec maximum(Vec a, Vec b) { return _mm512_maskz_max_ps(0xffff, a, b); }
inline Vec absolute(Vec v) { return _mm512_maskz_andnot_ps(0xffff, set1(-0.0f), v); }
inline Vec withSignOf(Vec v, Vec x) {
  return _mm512_maskz_or_ps(0xffff, v, _mm512_maskz_and_ps(0xffff, set1(-0.0f), x));
}
inline Vec powerOfTwo(Vec v) {
  const __m512i exponent = _mm512_maskz_slli_epi32(0xffff, _mm512_castps_si512(v), 23);
  return _mm512_castsi512_ps(_mm512_add_epi32(exponent, _mm512_set1_epi32(0x3f800000)));
}
inline Vec inRegister(Vec v) {
#if defined(__GNUC__)
  __asm__("" : "+v"(v));
#endif
  return v;
}

using Vec64 = __m512d;
constexpr size_t kLanes64 = 8;
inline __mmask8 first64(size_t n) { return static_cast<__mmask8>((1u << n) - 1); }
inline Vec64 zero64() { return _mm512_setzero_pd(); }
inline Vec64 set164(double x) { return _mm512_set1_pd(x); }
inline Vec64 load64(const double* x) { return _mm512_loadu_pd(x); }
inline void store64(double* x, Vec64 v) { _mm512_storeu_pd(x, v); }
inline Vec64 loadPart64(const double* x, size_t n) { return _mm512_maskz_loadu_pd(first64(n), x); }
inline void storePart64(double* x, Vec64 v, size_t n) { _mm512_mask_storeu_pd(x, first64(n), v); }
inline Vec64 add64(Vec64 a, Vec64 b) { return _mm512_add_pd(a, b); }
inline Vec64 fma64(Vec64 a, Vec64 b, Vec64 c) { return _mm512_fmadd_pd(a, b, c); }
inline Vec64 fnma64(Vec64 a, Vec64 b, Vec64 c) { return _mm512_fnmadd_pd(a, b, c); }
inline Vec64 widen(const float* x) { return _mm512_maskz_cvtps_pd(0xff, _mm256_loadu_ps(x)); }
inline Vec64 widenPart(const float* x, size_t n) {
  return _mm512_maskz_cvtps_pd(0xff, _mm256_maskz_loadu_ps(first64(n), x));
}
inline Vec64 sub64(Vec64 a, Vec64 b) { return _mm512_sub_pd(a, b); }
inline void narrow(float* x, Vec64 v) { _mm256_storeu_ps(x, _mm512_maskz_cvtpd_ps(0xff, v)); }
inline void narrowPart(float* x, Vec64 v, size_t n) {
  _mm256_mask_storeu_ps(x, first64(n), _mm512_maskz_cvtpd_ps(0xff, v));
}

#include "kernels/transpose_avx.inc"

// A half byte times eight bits, in pairs, is at most 3810: eight of them fit in 16 bits.
constexpr size_t kCodeGroups = 4;
inline __m512i spread(const int8_t* x) {
  int32_t word;
  std::memcpy(&word, x, sizeof word);
  return _mm512_set1_epi32(word);
}
void codeDots(int32_t* sums, const uint8_t* codes, size_t blocks, size_t groups, const int8_t* x) {
  const __m512i low = _mm512_set1_epi8(15), ones = _mm512_set1_epi16(1);
  for (size_t b = 0; b < blocks; ++b) {
    __m512i sum = _mm512_setzero_si512();
    for (size_t g = 0; g < groups;) {
      const size_t end = groups - g < kCodeGroups ? groups : g + kCodeGroups;
      __m512i part = _mm512_setzero_si512();
      for (; g < end; ++g, codes += 64) {
        const __m512i bytes = _mm512_loadu_si512(codes);
        const __m512i first = _mm512_maddubs_epi16(_mm512_and_si512(bytes, low), spread(x + 8 * g));
        const __m512i second =
            _mm512_maddubs_epi16(_mm512_and_si512(_mm512_srli_epi16(bytes, 4), low), spread(x + 8 * g + 4));
        part = _mm512_add_epi16(part, _mm512_add_epi16(first, second));
      }
      sum = _mm512_add_epi32(sum, _mm512_madd_epi16(part, ones));
    }
    _mm512_storeu_si512(sums + kCodeRows * b, sum);
  }
}

}  // namespace

#include "kernels/generic.inc"

}  // namespace avx512
}  // namespace widehead

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

#endif
