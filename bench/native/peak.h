// What the FMA units of this machine do at most, with the instruction set in use.
#pragma once

#include <cstddef>
#include <functional>

namespace bench {

// Loops of multiply-adds that depend on nothing but their own accumulator.
struct FmaLoops {
  double flopsPerRound;
  void (*registers)(size_t rounds);  // all operands in registers
  void (*memory)(size_t rounds,
                 const float* operands);  // one operand of each comes from kOperands floats, which L1 holds
};
constexpr size_t kOperands = 2048;

// nullptr where the bench has no loops for the instruction set.
const FmaLoops* fmaLoops(const char* isa);

// body on every thread at once, each on its own core.
std::function<void()> onAllThreads(std::function<void()> body);

}  // namespace bench
