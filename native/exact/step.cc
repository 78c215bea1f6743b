// What both shapes of the step share.
#include "exact/step.h"

#include <algorithm>

#include "base/pool.h"
#include "kernels/kernels.h"
#include "linalg/lu.h"
#include "linalg/tiles.h"

namespace widehead {

namespace {
constexpr size_t kRows = 16;  // rows of n a thread: about 2 us of linear combinations
constexpr size_t kColumns =
    256;  // of a sum over all examples, a thread: the other core has no part of the examples to itself
constexpr size_t kPieceRows = 64;  // that catch up on a stretch together
}  // namespace

void classOverlap(Buffer<float>& overlap, Buffer<float>& classGradients, ExactPass& pass) {
  const size_t n = pass.features;
  const Targets& targets = pass.targets;
  classGradients.reserve(targets.numUnique() * n);
  overlap.reserve(pass.m * n);
  parallelFor(targets.numUnique(), kRows, [&](size_t begin, size_t end) {
    std::vector<Term> terms;
    for (size_t u = begin; u < end; u++) {
      terms.clear();
      for (uint32_t i = targets.classPtr()[u]; i < targets.classPtr()[u + 1]; i++) {
        const uint32_t k = targets.byClass()[i];
        terms.push_back({pass.gaHat[k], &pass.hidden[targets.example(k) * n]});
      }
      kernels().combine(&classGradients[u * n], terms.data(), terms.size(), n);
    }
  });
  parallelFor(pass.m, kRows, [&](size_t begin, size_t end) {
    std::vector<Term> terms;
    for (size_t j = begin; j < end; j++) {
      terms.clear();
      for (uint32_t k = targets.indptr()[j]; k < targets.indptr()[j + 1]; k++) {
        terms.push_back({pass.gaHat[k], &classGradients[targets.slot(k) * n]});
      }
      kernels().combine(&overlap[j * n], terms.data(), terms.size(), n);
    }
  });
  if (pass.shared.count() > 0) pass.shared.addOverlap(MatrixF(overlap.data(), pass.m, n), pass.h());
}

size_t bytesToUpdate(const FactoredWeights& w, const ExactPass& pass, size_t threads) {
  const size_t n = pass.features, m = pass.m, nnz = pass.targets.nnz(), split = mostSplit(m);
  const size_t system = std::min(m, n) + split, entries = std::max(n, split) + 2;  // two: a decay that is folded
  const size_t rows = pass.targets.own().size() + pass.shared.count(), side = std::max({n, m, system, rows});
  const size_t open = w.v.log().openDirections() + entries;
  // Of a thread: products, the system's columns, rows that catch up on the open stretch, the terms of one row.
  const size_t scratch = productScratchBytes(side, side) + Lu::scratchBytes(system) +
                         (2 * kPieceRows * sizeof(float) + 4 * sizeof(double)) * open + 4 * n * sizeof(double) +
                         2 * (nnz + 2) * sizeof(Term);
  // Vectors: what a split direction needs of the system and of the features, some more of both, some a row or an example.
  const size_t vectors = (2 * split + 16) * system + (2 * split + 16) * n + 8 * (rows + m);
  const size_t logged = w.v.log().bytesToAppend(entries) + entries * (2 * n * sizeof(float) + 2 * sizeof(LogEntry));
  return threads * scratch + vectors * sizeof(double) + logged + 65536;
}

std::vector<double> weightedSum(const double* coefficients, const ExactPass& pass) {
  std::vector<double> sum(pass.features);
  // Threads own columns, so that the sum over examples has one order.
  parallelFor(pass.features, kColumns, [&](size_t begin, size_t end) {
    for (size_t j = 0; j < pass.m; j++) {
      kernels().axpyWide(&sum[begin], coefficients[j], &pass.hidden[j * pass.features + begin], end - begin);
    }
  });
  return sum;
}

}  // namespace widehead
