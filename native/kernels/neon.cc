#if defined(__aarch64__) || defined(_M_ARM64)

#include <arm_neon.h>

#include <cstring>

#include "kernels/tables.h"

// NEON is part of every AArch64: no target region.
namespace widehead {
namespace neon {
namespace {

constexpr char kName[] = "neon";
// 24 of the 32 registers sum, 3 hold the row of b, the rest broadcasts of a.
constexpr size_t kMr = 8, kVecs = 3;
constexpr size_t kRows64 = 4, kVecs64 = 4;
constexpr size_t kDotRows = 4;

using Vec = float32x4_t;
constexpr size_t kLanes = 4;
inline Vec zero() { return vdupq_n_f32(0.0f); }
inline Vec set1(float x) { return vdupq_n_f32(x); }
inline Vec load(const float* x) { return vld1q_f32(x); }
inline void store(float* x, Vec v) { vst1q_f32(x, v); }
inline Vec loadPart(const float* x, size_t n) {
  float lanes[4] = {};
  for (size_t i = 0; i < n; ++i) lanes[i] = x[i];
  return vld1q_f32(lanes);
}
inline void storePart(float* x, Vec v, size_t n) {
  float lanes[4];
  vst1q_f32(lanes, v);
  for (size_t i = 0; i < n; ++i) x[i] = lanes[i];
}
inline Vec add(Vec a, Vec b) { return vaddq_f32(a, b); }
inline Vec sub(Vec a, Vec b) { return vsubq_f32(a, b); }
inline Vec mul(Vec a, Vec b) { return vmulq_f32(a, b); }
inline Vec fma(Vec a, Vec b, Vec c) { return vfmaq_f32(c, a, b); }
inline Vec div(Vec a, Vec b) { return vdivq_f32(a, b); }
inline Vec root(Vec v) { return vsqrtq_f32(v); }
inline Vec minimum(Vec a, Vec b) { return vminq_f32(a, b); }
inline Vec maximum(Vec a, Vec b) { return vmaxq_f32(a, b); }
inline Vec absolute(Vec v) { return vabsq_f32(v); }
inline Vec withSignOf(Vec v, Vec x) { return vbslq_f32(vdupq_n_u32(0x80000000u), x, v); }
inline Vec powerOfTwo(Vec v) {
  const uint32x4_t exponent = vshlq_n_u32(vreinterpretq_u32_f32(v), 23);
  return vreinterpretq_f32_u32(vaddq_u32(exponent, vdupq_n_u32(0x3f800000u)));
}
inline Vec inRegister(Vec v) {
#if defined(__GNUC__)
  __asm__("" : "+w"(v));
#endif
  return v;
}

using Vec64 = float64x2_t;
constexpr size_t kLanes64 = 2;
inline Vec64 zero64() { return vdupq_n_f64(0.0); }
inline Vec64 set164(double x) { return vdupq_n_f64(x); }
inline Vec64 load64(const double* x) { return vld1q_f64(x); }
inline void store64(double* x, Vec64 v) { vst1q_f64(x, v); }
inline Vec64 loadPart64(const double* x, size_t) { return vsetq_lane_f64(x[0], vdupq_n_f64(0.0), 0); }
inline void storePart64(double* x, Vec64 v, size_t) { x[0] = vgetq_lane_f64(v, 0); }
inline Vec64 add64(Vec64 a, Vec64 b) { return vaddq_f64(a, b); }
inline Vec64 fma64(Vec64 a, Vec64 b, Vec64 c) { return vfmaq_f64(c, a, b); }
inline Vec64 fnma64(Vec64 a, Vec64 b, Vec64 c) { return vfmsq_f64(c, a, b); }
inline Vec64 widen(const float* x) { return vcvt_f64_f32(vld1_f32(x)); }
inline Vec64 widenPart(const float* x, size_t) { return vcvt_f64_f32(vset_lane_f32(x[0], vdup_n_f32(0.0f), 0)); }
inline Vec64 sub64(Vec64 a, Vec64 b) { return vsubq_f64(a, b); }
inline void narrow(float* x, Vec64 v) { vst1_f32(x, vcvt_f32_f64(v)); }
inline void narrowPart(float* x, Vec64 v, size_t) { x[0] = static_cast<float>(vgetq_lane_f64(v, 0)); }

constexpr size_t kBlock = 4;
inline void transposeBlock(float* out, ptrdiff_t outStride, const float* x, ptrdiff_t xStride) {
  const float32x4x2_t even = vtrnq_f32(vld1q_f32(x), vld1q_f32(x + xStride));
  const float32x4x2_t odd = vtrnq_f32(vld1q_f32(x + 2 * xStride), vld1q_f32(x + 3 * xStride));
  vst1q_f32(out, vcombine_f32(vget_low_f32(even.val[0]), vget_low_f32(odd.val[0])));
  vst1q_f32(out + outStride, vcombine_f32(vget_low_f32(even.val[1]), vget_low_f32(odd.val[1])));
  vst1q_f32(out + 2 * outStride, vcombine_f32(vget_high_f32(even.val[0]), vget_high_f32(odd.val[0])));
  vst1q_f32(out + 3 * outStride, vcombine_f32(vget_high_f32(even.val[1]), vget_high_f32(odd.val[1])));
}

// A half byte times eight bits is at most 1905: sixteen of them fit in 16 bits, two of each group.
constexpr size_t kCodeGroups = 8;
inline int8x16_t spread(const int8_t* x) {
  int32_t word;
  std::memcpy(&word, x, sizeof word);
  return vreinterpretq_s8_s32(vdupq_n_s32(word));
}
// Four rows: a word of 16 bytes each, its products in four lanes.
struct CodeSums {
  int16x8_t rows01, rows23;
};
inline void addCodes(CodeSums& sums, const uint8_t* codes, int8x16_t x, int8x16_t y) {
  const uint8x16_t bytes = vld1q_u8(codes);
  const int8x16_t low = vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(15))),
                  high = vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4));
  sums.rows01 = vmlal_s8(vmlal_s8(sums.rows01, vget_low_s8(low), vget_low_s8(x)), vget_low_s8(high), vget_low_s8(y));
  sums.rows23 = vmlal_s8(vmlal_s8(sums.rows23, vget_high_s8(low), vget_high_s8(x)), vget_high_s8(high), vget_high_s8(y));
}
void codeDots(int32_t* sums, const uint8_t* codes, size_t blocks, size_t groups, const int8_t* x) {
  for (size_t b = 0; b < blocks; ++b, sums += kCodeRows) {
    int32x4_t total[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
    for (size_t g = 0; g < groups;) {
      const size_t end = groups - g < kCodeGroups ? groups : g + kCodeGroups;
      CodeSums part[4];
      for (CodeSums& four : part) four = {vdupq_n_s16(0), vdupq_n_s16(0)};
      for (; g < end; ++g, codes += 64) {
        const int8x16_t a = spread(x + 8 * g), c = spread(x + 8 * g + 4);
        for (int q = 0; q < 4; ++q) addCodes(part[q], codes + 16 * q, a, c);
      }
      for (int q = 0; q < 4; ++q)
        total[q] = vaddq_s32(total[q], vpaddq_s32(vpaddlq_s16(part[q].rows01), vpaddlq_s16(part[q].rows23)));
    }
    for (int q = 0; q < 4; ++q) vst1q_s32(sums + 4 * q, total[q]);
  }
}

}  // namespace

#include "kernels/generic.inc"

}  // namespace neon
}  // namespace widehead

#endif
