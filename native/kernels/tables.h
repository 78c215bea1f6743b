// One table for each registered instruction set; `avx2::table` and so on.
#pragma once

#include "kernels/kernels.h"

namespace widehead {

#define WIDEHEAD_ISA_TABLE(isa, needs) \
  namespace isa {                      \
  extern const Kernels table;          \
  }
#include "kernels/isa.inc"
#undef WIDEHEAD_ISA_TABLE

}  // namespace widehead
