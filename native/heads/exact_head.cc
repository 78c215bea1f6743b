#include "heads/exact_head.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/pool.h"
#include "heads/top_k.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"

namespace widehead {

namespace {

constexpr double kStrongDecay = 0.5;  // 1 - learningRate * weightDecay; accuracy falls with its inverse

// A pass with the algebra of the step that follows it.
struct HeadPass : ExactPass {
  std::unique_ptr<StepAlgebra> narrow = makeNarrowStep(), wide = makeWideStep();
  StepAlgebra& algebra() { return m <= features ? *narrow : *wide; }
};

double dotMixed(const std::vector<double>& x, const float* y) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); i++) sum += x[i] * y[i];
  return sum;
}

}  // namespace

ExactHead::ExactHead(const HeadConfig& config, const InitConfig& init, const StabilisationPolicy& policy, size_t stretch)
    : Head(config), weights_(config.numClasses, features(), stretch), stabiliser_(features()), policy_(policy) {
  weights_.init(init, config.hiddenSize);
}

std::unique_ptr<Pass> ExactHead::newPass() const {
  auto pass = std::make_unique<HeadPass>();
  pass->features = features();
  return pass;
}

void ExactHead::score(Pass& base) const {
  auto& pass = static_cast<HeadPass&>(base);
  const Targets& targets = pass.targets;
  const size_t m = pass.m, n = features();
  pass.version = version_;
  pass.rows.reserve(targets.numUnique() * n);
  weights_.v.gather(pass.rows.data(), pass.order, targets.unique().data(), targets.numUnique());
  pass.place.resize(targets.numUnique());
  for (size_t i = 0; i < pass.order.size(); i++) pass.place[pass.order[i]] = i;

  gemm(MatrixF(pass.hq.reserve(m * n), m, n), pass.h(), weights_.qc.hi());
  gemm(MatrixF(pass.hu.reserve(m * n), m, n), pass.h(), weights_.u.hi().transposed());
  const double gamma = weights_.gamma, perClass = 1.0 / static_cast<double>(config_.numClasses);
  pass.sHat.resize(m);
  for (size_t j = 0; j < m; j++) {
    const float* h = &pass.hidden[j * n];
    const double s = dotMixed(weights_.wbar, h);
    // Rounding may leave a sum of squares a little below 0.
    const double centred = std::max(0.0, kernels().dotDouble(h, &pass.hq[j * n], n));
    pass.sHat[j] = s;
    pass.s[j] = gamma * s;
    pass.q[j] = gamma * gamma * (centred + s * s * perClass);
    const double offset = dotMixed(weights_.omega, h);
    for (uint32_t k = targets.indptr()[j]; k < targets.indptr()[j + 1]; k++) {
      pass.a[k] = gamma * (kernels().dotDouble(pass.row(k), &pass.hu[j * n], n) + offset);
    }
  }
}

// W^T Y = U^T V^T Y + omega ybar^T; centred, less wbar ybar^T / D. dH = 2 H Qc diag(gq) + Z_c + wbar gbar^T.
void ExactHead::differentiate(Pass& base) const {
  auto& pass = static_cast<HeadPass&>(base);
  const Targets& targets = pass.targets;
  const size_t m = pass.m, n = features(), d = config_.hiddenSize;
  const double gamma = weights_.gamma, numClasses = static_cast<double>(config_.numClasses);
  pass.gaHat.resize(targets.nnz());
  pass.ybar.assign(m, 0);
  pass.gbar.resize(m);
  // dhc holds V^T Y first.
  pass.dhc.zeros(m * n);
  for (size_t j = 0; j < m; j++) {
    for (uint32_t k = targets.indptr()[j]; k < targets.indptr()[j + 1]; k++) {
      pass.gaHat[k] = static_cast<float>(pass.ga[k] / gamma);
      pass.ybar[j] += pass.gaHat[k];
      kernels().axpy(&pass.dhc[j * n], pass.gaHat[k], pass.row(k), n);
    }
    pass.gbar[j] = (2 * pass.gq[j] * pass.sHat[j] + numClasses * pass.gs[j] / gamma + pass.ybar[j]) / numClasses;
  }
  gemm(MatrixF(pass.z.reserve(m * n), m, n), MatrixF(pass.dhc.data(), m, n), weights_.u.hi());
  for (size_t j = 0; j < m; j++) {
    const double meanShare = pass.ybar[j] / numClasses;
    for (size_t i = 0; i < n; i++) {
      const double z = pass.z[j * n + i] + weights_.omega[i] * pass.ybar[j] - weights_.wbar[i] * meanShare;
      const double centred = 2 * pass.gq[j] * pass.hq[j * n + i] + z;
      pass.z[j * n + i] = static_cast<float>(z);
      pass.dhc[j * n + i] = static_cast<float>(centred);
      if (i < d) pass.dHidden[j * d + i] = static_cast<float>(gamma * gamma * (centred + weights_.wbar[i] * pass.gbar[j]));
    }
  }
}

double ExactHead::apply(Pass& base, const ApplyOptions& options) {
  auto& pass = static_cast<HeadPass&>(base);
  const size_t n = features();
  StepAlgebra& algebra = pass.algebra();
  // ||G H^T||^2 = ||Gc H^T||^2 + D ||H gbar||^2
  double squared = algebra.gradNormSquared(weights_, pass);
  std::vector<double> mean(n);  // H gbar
  // Allocated before the first change, as everything is that has the size of the minibatch.
  pass.positions.assign(pass.targets.numUnique(), weights_.v.log().end());
  for (size_t j = 0; j < pass.m; j++) {
    for (size_t i = 0; i < n; i++) mean[i] += pass.gbar[j] * pass.hidden[j * n + i];
  }
  for (double x : mean) squared += static_cast<double>(config_.numClasses) * x * x;
  const double gradNorm = weights_.gamma * std::sqrt(std::max(0.0, squared));

  const double clip = gradNorm > options.clipNorm ? options.clipNorm / gradNorm : 1;
  const double decay = 1 - options.learningRate * options.weightDecay;
  const double eta = options.learningRate * clip / decay;  // W <- decay (W - eta G H^T)
  version_++;
  if (eta > 0) {
    // A decay that takes most of W away makes eta large beside it; such a step goes without an inverse of U.
    const double singular = decay < kStrongDecay ? std::numeric_limits<double>::infinity() : policy_.singular;
    const StepEffect effect = algebra.update(weights_, pass, eta, singular);
    updateVectors(pass, eta, mean);
    updateRows(pass, eta, algebra.x.data());
    if (decay != 1) weights_.decay(decay);
    stabiliser_.afterStep(weights_, effect, policy_);
  } else if (decay != 1) {
    weights_.decay(decay);
  }
  return gradNorm;
}

// omega -= eta H (2 diag(gq) H^T omega + gs),  wbar -= eta D H gbar
void ExactHead::updateVectors(const ExactPass& pass, double eta, const std::vector<double>& mean) {
  const size_t n = features();
  std::vector<double> omegaStep(n);
  for (size_t j = 0; j < pass.m; j++) {
    const float* h = &pass.hidden[j * n];
    const double forOmega = 2 * pass.gq[j] * dotMixed(weights_.omega, h) + pass.gs[j] / weights_.gamma;
    for (size_t i = 0; i < n; i++) omegaStep[i] += forOmega * h[i];
  }
  for (size_t i = 0; i < n; i++) {
    weights_.omega[i] -= eta * omegaStep[i];
    weights_.wbar[i] -= eta * static_cast<double>(config_.numClasses) * mean[i];
  }
}

// V -= eta Y X^T on the rows gathered by score(), brought past the entries this step has added to the log.
void ExactHead::updateRows(ExactPass& pass, double eta, const float* x) {
  const Targets& targets = pass.targets;
  const size_t n = features(), count = targets.numUnique();
  if (count > 0 && pass.positions[0] != weights_.v.log().end()) {
    weights_.v.log().bringUp(pass.rows.data(), count, pass.positions.data());
  }
  // A class that many examples share is rounded once and not once an example.
  parallelFor(count, 16, [&](size_t begin, size_t end) {
    std::vector<double> sum(n);
    for (size_t u = begin; u < end; u++) {
      float* row = &pass.rows[pass.place[u] * n];
      sum.assign(row, row + n);
      for (uint32_t i = targets.classPtr()[u]; i < targets.classPtr()[u + 1]; i++) {
        const uint32_t k = targets.byClass()[i];
        kernels().axpyWide(sum.data(), -eta * pass.gaHat[k], x + targets.example(k) * n, n);
      }
      for (size_t j = 0; j < n; j++) row[j] = static_cast<float>(sum[j]);
    }
  });
  for (uint32_t& i : pass.order) i = targets.unique()[i];
  weights_.v.scatter(pass.rows.data(), pass.order.data(), count);
}

void ExactHead::rows(float* out, const uint32_t* classes, size_t n) const { weights_.rows(out, classes, n); }

// Hidden vectors as V sees them: H U^T and H omega.
struct ExactHead::Query {
  Buffer<float> h, hu;
  std::vector<double> offsets;
};

ExactHead::Query ExactHead::query(const float* hidden, size_t m) const {
  const size_t n = features(), d = config_.hiddenSize;
  Query query{Buffer<float>(m * n), Buffer<float>(m * n), std::vector<double>(m)};
  for (size_t j = 0; j < m; j++) {
    float* h = &query.h[j * n];
    std::copy_n(hidden + j * d, d, h);
    if (config_.bias) h[d] = 1;
    query.offsets[j] = dotMixed(weights_.omega, h);
  }
  gemm(MatrixF(query.hu.data(), m, n), ConstMatrixF(query.h.data(), m, n), weights_.u.hi().transposed());
  return query;
}

void ExactHead::logits(float* out, const float* hidden, size_t m, const uint32_t* classes, size_t n) const {
  const Query asked = query(hidden, m);
  weights_.logits(MatrixF(out, m, n), ConstMatrixF(asked.hu.data(), m, features()), asked.offsets, classes);
}

void ExactHead::topK(int32_t* classes, float* logits, const float* hidden, size_t m, size_t k, bool square) const {
  const Query asked = query(hidden, m);
  topKOfAll(config_.numClasses, TopK(m, k, square), classes, logits, [&](float* out, const uint32_t* ids, size_t n) {
    weights_.logits(MatrixF(out, m, n), ConstMatrixF(asked.hu.data(), m, features()), asked.offsets, ids);
  });
}

std::map<std::string, double> ExactHead::diagnostics() const {
  // Rows behind are counted on a sample, because all of them would be a pass over D.
  const size_t numClasses = config_.numClasses, sample = std::min<size_t>(numClasses, 1024);
  size_t behind = 0;
  for (size_t i = 0; i < sample; i++) behind += weights_.v.behind(i * numClasses / sample) > 0;
  const CorrectionLog& log = weights_.v.log();
  return {{"steps", static_cast<double>(version_)},
          {"condition", stabiliser_.largest() / stabiliser_.smallest()},
          {"logLength", static_cast<double>(log.end())},
          {"logEntriesHeld", static_cast<double>(log.liveEntries())},
          {"rowsBehind", static_cast<double>(behind) * static_cast<double>(numClasses) / static_cast<double>(sample)},
          {"corrections", static_cast<double>(stabiliser_.corrections())},
          {"denseEntries", static_cast<double>(stabiliser_.splits())},
          {"bytes", static_cast<double>(bytes())}};
}

void ExactHead::refresh() {
  weights_.refresh();
  stabiliser_.forgetEntries(weights_);
}

}  // namespace widehead
