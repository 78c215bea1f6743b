// What both shapes of the step share.
#include "exact/step.h"

#include <algorithm>

#include "base/pool.h"
#include "kernels/kernels.h"

namespace widehead {

namespace {
constexpr size_t kRows = 16;  // rows of n a thread: about 2 us of linear combinations
constexpr size_t kColumns =
    256;  // of a sum over all examples, a thread: the other core has no part of the examples to itself
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
