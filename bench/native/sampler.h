// Timing by interleaved samples: the sides of a comparison take turns, so that whatever else the machine does hits all of them.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace bench {

struct Rigour {
  size_t samples = 15;
  double seconds = 0.003;  // the least a sample takes: short calls are repeated
};

struct Summary {
  double median = 0, low = 0, high = 0;  // seconds a call; quartiles
  size_t samples = 0, calls = 0;         // calls a sample
};

struct Side {
  std::function<void()> call;
  double settle = 0.001;  // seconds its threads may go on spinning after a call, taking the next side's cores
};

std::vector<Summary> sample(const std::vector<Side>& sides, const Rigour& rigour);

}  // namespace bench
