#include "heads/dense_head.h"

#include <algorithm>
#include <cmath>

#include "base/pool.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"

namespace widehead {

namespace {

constexpr size_t kBlock = 16384;  // classes at a time: the unit of the gradient's scratch

struct DensePass : Pass {
  Buffer<float> outputs;   // m x D: the outputs o, then their gradients G
  Buffer<float> gradient;  // kBlock x features: rows of dLoss/dW

  size_t bytes() const override { return Pass::bytes() + outputs.bytes() + gradient.bytes(); }
};

}  // namespace

DenseHead::DenseHead(const HeadConfig& config, const InitConfig& init) : TableHead(config, init, {"sgd"}) {}

std::unique_ptr<Pass> DenseHead::newPass() const { return std::make_unique<DensePass>(); }

void DenseHead::score(Pass& base) const {
  auto& pass = static_cast<DensePass&>(base);
  const size_t m = pass.m, n = features(), numClasses = config_.numClasses;
  pass.version = version_;
  float* o = pass.outputs.reserve(elementCount(m, numClasses));
  gemm(MatrixF(o, m, numClasses), ConstMatrixF(pass.hidden.data(), m, n), table_.range(0, numClasses).transposed());
  parallelFor(m, 1, [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) {
      const float* row = o + j * numClasses;
      // Sums in float64, four at a time so that they do not wait for each other.
      double q[4] = {0, 0, 0, 0}, s[4] = {0, 0, 0, 0};
      for (size_t i = 0; i < numClasses; i++) {
        const double value = row[i];
        q[i % 4] += value * value;
        s[i % 4] += value;
      }
      pass.q[j] = (q[0] + q[1]) + (q[2] + q[3]);
      pass.s[j] = (s[0] + s[1]) + (s[2] + s[3]);
    }
  });
  for (size_t k = 0; k < pass.targets.nnz(); k++) {
    pass.a[k] = o[pass.targets.example(k) * numClasses + pass.targets.unique()[pass.targets.slot(k)]];
  }
}

// G = 2 diag(gq) O + gs 1^T + Y, in place of the outputs; dH = G W.
void DenseHead::differentiate(Pass& base) const {
  auto& pass = static_cast<DensePass&>(base);
  const size_t m = pass.m, d = config_.hiddenSize, numClasses = config_.numClasses;
  float* g = pass.outputs.data();
  parallelFor(m, 1, [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) {
      const float twoGq = static_cast<float>(2 * pass.gq[j]), gs = static_cast<float>(pass.gs[j]);
      float* row = g + j * numClasses;
      for (size_t i = 0; i < numClasses; i++) row[i] = twoGq * row[i] + gs;
    }
  });
  for (size_t k = 0; k < pass.targets.nnz(); k++) {
    g[pass.targets.example(k) * numClasses + pass.targets.unique()[pass.targets.slot(k)]] +=
        static_cast<float>(pass.ga[k]);
  }
  gemm(MatrixF(pass.dHidden.data(), m, d), MatrixF(g, m, numClasses), table_.weights(0, numClasses));
}

double DenseHead::apply(Pass& base, const ApplyOptions& options) {
  auto& pass = static_cast<DensePass&>(base);
  const size_t m = pass.m, n = features(), numClasses = config_.numClasses;
  pass.gradient.reserve(std::min(kBlock, numClasses) * n);
  const MatrixF g(pass.outputs.data(), m, numClasses), h(pass.hidden.data(), m, n);
  // One pass over W when the rate is known at once; when the norm decides on it, a first pass for the norm alone.
  const auto sweep = [&](const RowStep* step) {
    double squared = 0;
    for (size_t begin = 0; begin < numClasses; begin += kBlock) {
      const size_t count = std::min(kBlock, numClasses - begin);
      const ConstMatrixF part(g.data + begin, m, count, static_cast<ptrdiff_t>(numClasses));
      gemm(MatrixF(pass.gradient.data(), count, n), part.transposed(), h);
      squared += squaredNorm(pass.gradient.data(), count * n);
      if (step != nullptr) table_.updateRange(begin, count, pass.gradient.data(), *step);
    }
    return std::sqrt(squared);
  };
  const double bound = std::sqrt(squaredNorm(g.data, m * numClasses) * squaredNorm(h.data, m * n));
  const double norm = std::isinf(options.clipNorm) && bound <= kLargestGradNorm ? 0 : sweep(nullptr);
  const RowStep step = rowStep(options, norm);
  version_++;
  return sweep(&step);
}

}  // namespace widehead
