#include "heads/dense_head.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/pool.h"
#include "heads/top_k.h"
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

DenseHead::DenseHead(const HeadConfig& config, const InitConfig& init)
    : Head(config), w_(elementCount(config.numClasses, features())) {
  if (init.kind == InitConfig::Zeros) return;
  parallelFor(config.numClasses, 64, [&](size_t begin, size_t end) {
    for (size_t r = begin; r < end; r++) fillRow(&w_[r * features()], r, init, config.hiddenSize, features());
  });
}

std::unique_ptr<Pass> DenseHead::newPass() const { return std::make_unique<DensePass>(); }

void DenseHead::score(Pass& base) const {
  auto& pass = static_cast<DensePass&>(base);
  const size_t m = pass.m, n = features(), numClasses = config_.numClasses;
  pass.version = version_;
  float* o = pass.outputs.reserve(elementCount(m, numClasses));
  gemm(MatrixF(o, m, numClasses), ConstMatrixF(pass.hidden.data(), m, n),
       ConstMatrixF(w_.data(), numClasses, n).transposed());
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
  const size_t m = pass.m, n = features(), d = config_.hiddenSize, numClasses = config_.numClasses;
  float* g = pass.outputs.data();
  parallelFor(m, 1, [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) {
      const float twoGq = static_cast<float>(2 * pass.gq[j]), gs = static_cast<float>(pass.gs[j]);
      float* row = g + j * numClasses;
      for (size_t i = 0; i < numClasses; i++) row[i] = twoGq * row[i] + gs;
    }
  });
  for (size_t k = 0; k < pass.targets.nnz(); k++) {
    g[pass.targets.example(k) * numClasses + pass.targets.unique()[pass.targets.slot(k)]] += static_cast<float>(pass.ga[k]);
  }
  const ConstMatrixF weights(w_.data(), numClasses, d, static_cast<ptrdiff_t>(n));
  gemm(MatrixF(pass.dHidden.data(), m, d), MatrixF(g, m, numClasses), weights);
}

double DenseHead::apply(Pass& base, const ApplyOptions& options) {
  auto& pass = static_cast<DensePass&>(base);
  const size_t m = pass.m, n = features(), numClasses = config_.numClasses;
  pass.gradient.reserve(std::min(kBlock, numClasses) * n);
  const MatrixF g(pass.outputs.data(), m, numClasses), h(pass.hidden.data(), m, n);
  const float decay = static_cast<float>(1 - options.learningRate * options.weightDecay);
  version_++;
  // One pass over W when the rate is known at once; when the norm decides on it, a first pass for the norm alone.
  const auto sweep = [&](float rate, bool write) {
    double squared = 0;
    for (size_t begin = 0; begin < numClasses; begin += kBlock) {
      const size_t count = std::min(kBlock, numClasses - begin);
      const ConstMatrixF part(g.data + begin, m, count, static_cast<ptrdiff_t>(numClasses));
      gemm(MatrixF(pass.gradient.data(), count, n), part.transposed(), h);
      squared += kernels().dotDouble(pass.gradient.data(), pass.gradient.data(), count * n);
      if (!write) continue;
      parallelFor(count, 64, [&](size_t from, size_t to) {
        float* w = &w_[(begin + from) * n];
        if (decay != 1) kernels().scale(w, decay, (to - from) * n);
        kernels().axpy(w, -rate, &pass.gradient[from * n], (to - from) * n);
      });
    }
    return std::sqrt(squared);
  };
  const float rate = static_cast<float>(options.learningRate);
  if (std::isinf(options.clipNorm)) return sweep(rate, true);
  const double norm = sweep(0, false);
  sweep(norm > options.clipNorm ? static_cast<float>(options.learningRate * options.clipNorm / norm) : rate, true);
  return norm;
}

void DenseHead::rows(float* out, const uint32_t* classes, size_t n) const {
  for (size_t i = 0; i < n; i++) std::memcpy(out + i * features(), &w_[classes[i] * features()], features() * sizeof(float));
}

void DenseHead::logits(float* out, const float* hidden, size_t m, const uint32_t* classes, size_t n) const {
  const size_t d = config_.hiddenSize;
  std::vector<float> w(n * features());
  rows(w.data(), classes, n);
  const ConstMatrixF weights(w.data(), n, d, static_cast<ptrdiff_t>(features()));
  gemm(MatrixF(out, m, n), ConstMatrixF(hidden, m, d), weights.transposed());
  if (!config_.bias) return;
  for (size_t j = 0; j < m; j++) {
    for (size_t i = 0; i < n; i++) out[j * n + i] += w[i * features() + d];
  }
}

void DenseHead::topK(int32_t* classes, float* logits, const float* hidden, size_t m, size_t k, bool square) const {
  topKOfAll(config_.numClasses, TopK(m, k, square), classes, logits,
            [&](float* out, const uint32_t* ids, size_t n) { this->logits(out, hidden, m, ids, n); });
}

std::map<std::string, double> DenseHead::diagnostics() const {
  return {{"steps", static_cast<double>(version_)}, {"bytes", static_cast<double>(bytes())}};
}

}  // namespace widehead
