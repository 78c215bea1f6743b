// The rates that everything else is measured by: the FMA units', and sgemm 2048^3.
#include "json_line.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"
#include "openblas.h"
#include "peak.h"
#include "settings.h"

namespace bench {

using namespace widehead;

void benchPeak(const Settings& settings) {
  const FmaLoops* loops = fmaLoops(kernels().name);
  const size_t rounds = 100000, threads = settings.threads;
  const auto operands = randomFloats(kOperands, 1);
  JsonLine line;
  line.add("table", "peak").add("isa", kernels().name).add("threads", static_cast<double>(threads));
  if (loops == nullptr) return;
  const auto times = sample({{onAllThreads([=] { loops->registers(rounds); })},
                             {onAllThreads([=, &operands] { loops->memory(rounds, operands.data()); })}},
                            settings.rigour);
  const double flops = loops->flopsPerRound * static_cast<double>(rounds * threads);
  line.add("registers", flops / times[0].median * 1e-9).add("memory", flops / times[1].median * 1e-9);
}

void benchSgemm(const Settings& settings) {
  const size_t n = settings.d.size() == 1 ? settings.d[0] : 2048;
  const auto a = randomFloats(n * n, 1), b = randomFloats(n * n, 2);
  Buffer<float> c(n * n);
  std::vector<Side> sides = {
      {[&] { gemm(MatrixF(c.data(), n, n), ConstMatrixF(a.data(), n, n), ConstMatrixF(b.data(), n, n)); }}};
  const OpenBlas* blas = openBlas();
  const int size = static_cast<int>(n);
  if (blas != nullptr) {
    const auto call = [&, blas, size] {
      blas->sgemm(OpenBlas::RowMajor, OpenBlas::NoTrans, OpenBlas::NoTrans, size, size, size, 1, a.data(), size,
                  b.data(), size, 0, c.data(), size);
    };
    sides.push_back({call, OpenBlas::kSettle});
  }
  const auto times = sample(sides, settings.rigour);
  JsonLine line;
  line.add("table", "sgemm").add("isa", kernels().name).add("threads", static_cast<double>(settings.threads));
  line.add("n", static_cast<double>(n))
      .add("flops", 2.0 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n));
  line.add("ours", times[0]);
  if (blas != nullptr) line.add("openblas", times[1]);
  else line.addNull("openblas");
}

}  // namespace bench
