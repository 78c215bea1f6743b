// What the command line asks of a table, and the tables.
#pragma once

#include <cstddef>
#include <vector>

#include "base/buffer.h"
#include "sampler.h"

namespace bench {

struct Settings {
  Rigour rigour;
  size_t threads = 1;
  std::vector<size_t> d = {100, 300, 1024}, m = {32, 128, 512};
  // Of the table kernels: threads of one side go on spinning after its call, where the other's want to run.
  bool ours = true, openBlas = true;
  size_t classes = 793471;
};

void benchAbout(const Settings& settings);
void benchPeak(const Settings& settings);
void benchSgemm(const Settings& settings);
void benchKernels(const Settings& settings);
void benchDense(const Settings& settings);
void benchTrunk(const Settings& settings);
void benchStream(const Settings& settings);
void benchRead(const Settings& settings);

// Seeded numbers, aligned as the library's buffers are, between -0.5 and 0.5.
widehead::Buffer<float> randomFloats(size_t count, size_t seed);

}  // namespace bench
