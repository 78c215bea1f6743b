// GFLOP/s of the products a training step is made of, next to what the FMA units could do: native_bench [isa...]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "base/pool.h"
#include "base/rng.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"
#include "linalg/lu.h"

using namespace widehead;

namespace {

// Median seconds of a call, over trials of at least 10 ms each.
template <class Body>
double seconds(Body body) {
  using Clock = std::chrono::steady_clock;
  body();
  size_t calls = 1;
  std::vector<double> trials;
  while (trials.size() < 9) {
    const auto start = Clock::now();
    for (size_t i = 0; i < calls; ++i) body();
    const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    if (elapsed < 0.01) calls *= 2;
    else trials.push_back(elapsed / static_cast<double>(calls));
  }
  std::nth_element(trials.begin(), trials.begin() + 4, trials.end());
  return trials[4];
}

std::vector<float> random(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(randomUniform(1, i) - 0.5);
  return values;
}

void report(const char* what, double flops, double time) {
  std::printf("  %-34s %9.1f us %8.1f GFLOP/s\n", what, time * 1e6, flops / time * 1e-9);
}

void benchPeak() {
  const Kernels& kernel = kernels();
  const size_t k = 256;  // both panels in L1
  const auto a = random(kernel.mr * k), b = random(kernel.nr * k);
  std::vector<float> t(kernel.mr * kernel.nr);
  const ptrdiff_t mr = static_cast<ptrdiff_t>(kernel.mr), nr = static_cast<ptrdiff_t>(kernel.nr);
  const TileTerm term = {a.data(), 1, mr, b.data(), nr, k};
  report("gemmTile, operands in L1", 2.0 * kernel.mr * kernel.nr * k,
         seconds([&] { kernel.gemmTile({t.data(), nr, nullptr, 0, 1, false}, kernel.mr, kernel.nr, &term, 1); }));
}

void benchGemm(const char* what, size_t m, size_t n, size_t k, bool transposeA, bool transposeB) {
  const auto a = random(m * k), b = random(k * n);
  std::vector<float> c(m * n);
  const ConstMatrixF viewA = transposeA ? ConstMatrixF(a.data(), k, m).transposed() : ConstMatrixF(a.data(), m, k);
  const ConstMatrixF viewB = transposeB ? ConstMatrixF(b.data(), n, k).transposed() : ConstMatrixF(b.data(), k, n);
  report(what, 2.0 * static_cast<double>(m * n) * static_cast<double>(k),
         seconds([&] { gemm(MatrixF(c.data(), m, n), viewA, viewB); }));
}

void benchCompensated(size_t m, size_t n, size_t k) {
  const auto a = random(m * k), b = random(k * n);
  std::vector<float> hi(m * n), lo(m * n);
  report("compensated 300x300x128 TN", 2.0 * static_cast<double>(m * n * k), seconds([&] {
           gemmCompensated(MatrixF(hi.data(), m, n), MatrixF(lo.data(), m, n),
                           ConstMatrixF(a.data(), k, m).transposed(), ConstMatrixF(b.data(), k, n), 1e-6f);
         }));
}

void benchLu(size_t n) {
  std::vector<double> a(n * n), x(n * n);
  for (size_t i = 0; i < a.size(); ++i) a[i] = randomNormal(2, i);
  Lu lu;
  const double cube = static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
  char what[64];
  std::snprintf(what, sizeof what, "lu factor %zu", n);
  report(what, cube * 2 / 3, seconds([&] { lu.factor(ConstMatrixD(a.data(), n, n)); }));
  std::snprintf(what, sizeof what, "lu inverse %zu (4/3 n^3)", n);
  report(what, cube * 4 / 3, seconds([&] { lu.inverse(MatrixD(x.data(), n, n)); }));
}

void benchAll() {
  std::printf("%s, %zu threads\n", kernels().name, threads());
  benchPeak();
  benchGemm("2048^3 NN", 2048, 2048, 2048, false, false);
  benchGemm("128x300x300 NN", 128, 300, 300, false, false);
  benchGemm("128x300x300 NT", 128, 300, 300, false, true);
  benchGemm("300x300x128 TN", 300, 300, 128, true, false);
  benchGemm("128x128x300 NT", 128, 128, 300, false, true);
  benchGemm("300x128x300 NT", 300, 128, 300, false, true);
  benchGemm("512x512x128 TN", 512, 512, 128, true, false);
  benchGemm("128x20000x300 NT", 128, 20000, 300, false, true);
  benchGemm("1x300x300 NN", 1, 300, 300, false, false);
  benchGemm("1x300x300 NT", 1, 300, 300, false, true);
  benchGemm("300x1x300 NN", 300, 1, 300, false, false);
  benchGemm("4x300x300 NN", 4, 300, 300, false, false);
  benchGemm("8x8x8 NN", 8, 8, 8, false, false);
  benchCompensated(300, 300, 128);
  benchLu(128);
  benchLu(300);
  benchLu(512);
}

}  // namespace

int main(int count, char** names) {
  for (int i = 1; i < count; ++i)
    if (!forceIsa(names[i])) std::printf("%s: not supported here\n", names[i]);
  const size_t all = threads();
  setThreads(1);
  benchAll();
  if (all > 1) {
    setThreads(all);
    benchAll();
  }
  return 0;
}
