#include "cpu/features.h"

#if defined(__x86_64__) || defined(_M_X64)
#define WIDEHEAD_X64 1
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace widehead {
namespace cpu {
namespace {

#if defined(WIDEHEAD_X64)

struct Registers {
  uint32_t eax, ebx, ecx, edx;
};

Registers cpuid(uint32_t leaf) {
  Registers r = {0, 0, 0, 0};
#if defined(_MSC_VER)
  int out[4];
  __cpuid(out, 0);
  if (static_cast<uint32_t>(out[0]) < leaf) return r;
  __cpuidex(out, static_cast<int>(leaf), 0);
  r = {static_cast<uint32_t>(out[0]), static_cast<uint32_t>(out[1]), static_cast<uint32_t>(out[2]),
       static_cast<uint32_t>(out[3])};
#else
  if (!__get_cpuid_count(leaf, 0, &r.eax, &r.ebx, &r.ecx, &r.edx)) return {0, 0, 0, 0};
#endif
  return r;
}

uint64_t xgetbv0() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  uint32_t low, high;
  __asm__ __volatile__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
#endif
}

uint32_t detect() {
  const Registers one = cpuid(1), seven = cpuid(7);
  const bool osxsave = (one.ecx >> 27) & 1, avx = (one.ecx >> 28) & 1, fma = (one.ecx >> 12) & 1;
  if (!osxsave || !avx || !fma) return kNone;
  // A CPU may have the registers while the system (a hypervisor, an old kernel) does not save them on a switch.
  const uint64_t saved = xgetbv0();
  const bool ymm = (saved & 0x6) == 0x6, zmm = (saved & 0xe6) == 0xe6;
  const bool avx2 = (seven.ebx >> 5) & 1;
  const bool f = (seven.ebx >> 16) & 1, dq = (seven.ebx >> 17) & 1, bw = (seven.ebx >> 30) & 1,
             vl = (seven.ebx >> 31) & 1;
  uint32_t found = kNone;
  if (ymm && avx2) found |= kAvx2;
  if (zmm && avx2 && f && dq && bw && vl) found |= kAvx512;
  return found;
}

#elif defined(__aarch64__) || defined(_M_ARM64)
uint32_t detect() { return kNeon; }
#else
uint32_t detect() { return kNone; }
#endif

}  // namespace

uint32_t features() {
  static const uint32_t found = detect();
  return found;
}

}  // namespace cpu
}  // namespace widehead
