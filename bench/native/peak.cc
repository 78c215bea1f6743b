#include "peak.h"

#include <cstring>
#include <utility>

#include "base/pool.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__GNUC__) && defined(__x86_64__)
#define WIDEHEAD_TARGET(features) __attribute__((target(features)))
#else
#define WIDEHEAD_TARGET(features)
#endif

namespace bench {

namespace {

volatile float seed = 1e-3f, sink;

// Twelve accumulators cover four cycles of latency on two units with room to spare. They are named one by one, because an
// array may end up in memory, and each reads a volatile, because the compiler merges chains that it knows to be equal: it
// did, and counted one multiply-add as twelve. FMA(accumulator, operand) and LOAD(pointer) are the instruction set's.
// clang-format off
#define WIDEHEAD_EACH(do) do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11)
#define WIDEHEAD_DECLARE(i) Vec s##i = SET(seed);
#define WIDEHEAD_FROM_REGISTER(i) s##i = FMA(s##i, operand);
#define WIDEHEAD_FROM_MEMORY(i) s##i = FMA(s##i, LOAD(p + i * kLanes));
#define WIDEHEAD_SINK(i) sink = first(s##i);

#define WIDEHEAD_LOOPS(features)                                                            \
  WIDEHEAD_TARGET(features) void registers(size_t rounds) {                                 \
    const Vec factor = SET(seed), operand = SET(seed);                                      \
    WIDEHEAD_EACH(WIDEHEAD_DECLARE)                                                         \
    for (size_t round = 0; round < rounds; round++) {                                       \
      WIDEHEAD_EACH(WIDEHEAD_FROM_REGISTER)                                                 \
    }                                                                                       \
    WIDEHEAD_EACH(WIDEHEAD_SINK)                                                            \
  }                                                                                         \
  WIDEHEAD_TARGET(features) void memory(size_t rounds, const float* operands) {             \
    const Vec factor = SET(seed);                                                           \
    WIDEHEAD_EACH(WIDEHEAD_DECLARE)                                                         \
    const float *p = operands, *end = operands + kOperands - 12 * kLanes;                   \
    for (size_t round = 0; round < rounds; round++) {                                       \
      WIDEHEAD_EACH(WIDEHEAD_FROM_MEMORY)                                                   \
      p += 12 * kLanes;                                                                     \
      if (p > end) p = operands;                                                            \
    }                                                                                       \
    WIDEHEAD_EACH(WIDEHEAD_SINK)                                                            \
  }                                                                                         \
  const FmaLoops loops = {2.0 * 12 * kLanes, registers, memory};
// clang-format on

#if defined(__x86_64__) || defined(_M_X64)

namespace avx512 {
using Vec = __m512;
constexpr size_t kLanes = 16;
WIDEHEAD_TARGET("avx512f") inline float first(Vec v) { return _mm512_cvtss_f32(v); }
#define SET(x) _mm512_set1_ps(x)
#define LOAD(p) _mm512_loadu_ps(p)
#define FMA(sum, x) _mm512_fmadd_ps(factor, x, sum)
WIDEHEAD_LOOPS("avx512f")
#undef SET
#undef LOAD
#undef FMA
}  // namespace avx512

namespace avx2 {
using Vec = __m256;
constexpr size_t kLanes = 8;
WIDEHEAD_TARGET("avx2,fma") inline float first(Vec v) { return _mm256_cvtss_f32(v); }
#define SET(x) _mm256_set1_ps(x)
#define LOAD(p) _mm256_loadu_ps(p)
#define FMA(sum, x) _mm256_fmadd_ps(factor, x, sum)
WIDEHEAD_LOOPS("avx2,fma")
#undef SET
#undef LOAD
#undef FMA
}  // namespace avx2

#elif defined(__aarch64__)

namespace neon {
using Vec = float32x4_t;
constexpr size_t kLanes = 4;
inline float first(Vec v) { return vgetq_lane_f32(v, 0); }
#define SET(x) vdupq_n_f32(x)
#define LOAD(p) vld1q_f32(p)
#define FMA(sum, x) vfmaq_f32(sum, factor, x)
WIDEHEAD_LOOPS("")
#undef SET
#undef LOAD
#undef FMA
}  // namespace neon

#endif

}  // namespace

const FmaLoops* fmaLoops(const char* isa) {
#if defined(__x86_64__) || defined(_M_X64)
  if (std::strcmp(isa, "avx512") == 0) return &avx512::loops;
  if (std::strcmp(isa, "avx2") == 0) return &avx2::loops;
#elif defined(__aarch64__)
  if (std::strcmp(isa, "neon") == 0) return &neon::loops;
#endif
  static_cast<void>(isa);
  return nullptr;
}

std::function<void()> onAllThreads(std::function<void()> body) {
  return [body = std::move(body)] {
    widehead::parallelFor(widehead::threads(), 1, [&body](size_t begin, size_t end) {
      for (; begin < end; begin++) body();
    });
  };
}

}  // namespace bench
