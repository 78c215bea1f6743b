// What this processor and this operating system can run.
#pragma once

#include <cstdint>

namespace widehead {
namespace cpu {

enum Feature : uint32_t {
  kNone = 0,
  kAvx2 = 1u << 0,    // AVX2 and FMA, ymm state saved by the system
  kAvx512 = 1u << 1,  // AVX-512 F, BW, VL, DQ and FMA, zmm state saved by the system
  kNeon = 1u << 2,    // every AArch64
};

// Found once; every call after the first is a load.
uint32_t features();

}  // namespace cpu
}  // namespace widehead
