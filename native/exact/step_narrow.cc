// The step for m <= d: the gradient's Gram matrix and the system for X are m x m.

#include <algorithm>
#include <cmath>

#include "exact/split.h"
#include "exact/step.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"
#include "linalg/lu.h"

namespace widehead {

namespace {

class NarrowStep : public StepAlgebra {
 public:
  double gradNormSquared(const FactoredWeights& w, const ExactPass& pass) override;
  StepEffect update(FactoredWeights& w, const ExactPass& pass, double eta, double singular) override;

 private:
  void extend(const FactoredWeights& w, const ExactPass& pass, double eta);
  StepEffect solve(const FactoredWeights& w, const ExactPass& pass, double singular);
  void addColumn(const ExactPass& pass, const std::vector<double>& w, double eigenvalue);
  void updateCovariance(FactoredWeights& w, const ExactPass& pass, double eta);

  Buffer<float> gram_;           // m x m: H H^T
  Buffer<float> grad_;           // m x m: the Gram matrix of the centred gradient but for Y^T Y
  Buffer<float> overlap_, classGradients_;
  Buffer<float> product_;        // scratch, at least m x m, m x n and n x n
  Buffer<float> r_;              // m x n
  // With split directions as further examples, k = m + split in all:
  size_t split_ = 0;
  std::vector<float> h_, hu_, t_;   // k x n: H, H U^T, H Ui^T
  std::vector<double> weight_;      // k: 2 eta gq, then -kappa
  std::vector<double> kGram_;       // k x k
  Buffer<double> system_, inverse_;  // k x k
  Buffer<float> inverseF_, scaled_;
  Lu lu_;
};

double NarrowStep::gradNormSquared(const FactoredWeights& w, const ExactPass& pass) {
  const size_t m = pass.m, n = pass.features;
  const MatrixF h = pass.h();
  gemm(MatrixF(gram_.reserve(m * m), m, m), h, h.transposed());
  gemm(MatrixF(grad_.reserve(m * m), m, m), MatrixF(pass.hq.data(), m, n), h.transposed());
  gemm(MatrixF(product_.reserve(std::max({m * m, m * n, n * n})), m, m), h, MatrixF(pass.z.data(), m, n).transposed());
  classOverlap(overlap_, classGradients_, pass);
  // M_c = 4 gq N gq + B + B^T - ybar ybar^T / D,  B = 2 diag(gq) H^T Z_c
  const double perClass = 1.0 / static_cast<double>(w.numClasses());
  double norm = 0;
  for (size_t i = 0; i < m; i++) {
    for (size_t j = 0; j <= i; j++) {
      const double gi = 2 * pass.gq[i], gj = 2 * pass.gq[j];
      const double value = gi * gj * 0.5 * (static_cast<double>(grad_[i * m + j]) + grad_[j * m + i]) +
                           gi * product_[i * m + j] + gj * product_[j * m + i] -
                           pass.ybar[i] * pass.ybar[j] * perClass;
      grad_[i * m + j] = grad_[j * m + i] = static_cast<float>(value);
      norm += value * gram_[i * m + j] * (i == j ? 1 : 2);
    }
    norm += kernels().dotDouble(h.row(i), &overlap_[i * n], n);
  }
  return norm;
}

StepEffect NarrowStep::update(FactoredWeights& w, const ExactPass& pass, double eta, double singular) {
  const size_t m = pass.m, n = pass.features;
  updateCovariance(w, pass, eta);
  extend(w, pass, eta);
  StepEffect effect = solve(w, pass, singular);
  const size_t k = m + split_;
  x.reserve(k * n);
  // U -= Hu diag(weight) H^T,  U^-T += X diag(weight) H^T with X = K^-1 T
  const ConstMatrixF h(h_.data(), k, n);
  scaled_.reserve(k * n);
  const auto scaledBy = [&](const float* rows) {
    for (size_t i = 0; i < k; i++) {
      for (size_t j = 0; j < n; j++) scaled_[i * n + j] = static_cast<float>(weight_[i] * rows[i * n + j]);
    }
    return ConstMatrixF(scaled_.data(), k, n).transposed();
  };
  gemmCompensated(w.u.hi(), w.u.lo(), scaledBy(hu_.data()), h, -1);
  if (effect.restarted) {
    w.restartU();
    std::copy_n(pass.hidden.data(), m * n, x.data());
    return effect;
  }
  inverseF_.reserve(k * k);
  for (size_t i = 0; i < k * k; i++) inverseF_[i] = static_cast<float>(inverse_[i]);
  gemm(MatrixF(x.data(), k, n), MatrixF(inverseF_.data(), k, k), MatrixF(t_.data(), k, n));
  gemmCompensated(w.ui.hi(), w.ui.lo(), scaledBy(x.data()), h, 1);
  std::vector<CorrectionLog::Entry> entries;
  for (size_t i = m; i < k; i++) entries.push_back({&hu_[i * n], &x[i * n], static_cast<float>(-weight_[i])});
  if (!entries.empty()) w.v.log().append(entries);
  for (size_t i = m; i < k; i++) effect.split.emplace_back(&h_[i * n], &h_[i * n] + n);
  return effect;
}

// R = eta dH_c - eta^2/2 H M_c;  Qc -= R H^T + H R^T
void NarrowStep::updateCovariance(FactoredWeights& w, const ExactPass& pass, double eta) {
  const size_t m = pass.m, n = pass.features;
  gemm(MatrixF(product_.data(), m, n), MatrixF(grad_.data(), m, m), pass.h());
  r_.reserve(m * n);
  for (size_t i = 0; i < m * n; i++) {
    r_[i] = static_cast<float>(eta * pass.dhc[i] - eta * eta / 2 * (static_cast<double>(product_[i]) + overlap_[i]));
  }
  const MatrixF t(product_.data(), n, n);
  gemm(t, MatrixF(r_.data(), m, n).transposed(), pass.h());
  w.qc.subtractSymmetric(t);
}

void NarrowStep::extend(const FactoredWeights& w, const ExactPass& pass, double eta) {
  const size_t m = pass.m, n = pass.features;
  split_ = 0;
  h_.assign(pass.hidden.data(), pass.hidden.data() + m * n);
  hu_.assign(pass.hu.data(), pass.hu.data() + m * n);
  t_.resize(m * n);
  gemm(MatrixF(t_.data(), m, n), pass.h(), w.ui.hi().transposed());
  weight_.resize(m);
  for (size_t i = 0; i < m; i++) weight_[i] = 2 * eta * pass.gq[i];
  kGram_.assign(gram_.data(), gram_.data() + m * m);
}

// Inverts K = I - G diag(weight); splits off directions until no eigenvalue of A' is near 0, or asks for a restart.
StepEffect NarrowStep::solve(const FactoredWeights& w, const ExactPass& pass, double singular) {
  while (split_ < kMaxSplit && !std::isinf(singular)) {
    const size_t k = pass.m + split_, n = pass.features;
    system_.reserve(k * k);
    inverse_.reserve(k * k);
    for (size_t i = 0; i < k; i++) {
      for (size_t j = 0; j < k; j++) system_[i * k + j] = (i == j) - kGram_[i * k + j] * weight_[j];
    }
    lu_.factor(ConstMatrixD(system_.data(), k, k));
    lu_.inverse(MatrixD(inverse_.data(), k, k));
    std::vector<double> direction;
    const double nearest = smallestEigenvalue(direction, inverse_.data(), kGram_, weight_);
    if (!(std::fabs(nearest) < singular)) {
      const bool onlyShrinks = *std::min_element(weight_.begin(), weight_.end()) >= 0;
      return boundEffect(nearest, sumOfSquares(kGram_, weight_), onlyShrinks);
    }
    addColumn(pass, direction, nearest);
    const ConstMatrixF x(&h_[k * n], 1, n);
    gemm(MatrixF(&hu_[k * n], 1, n), x, w.u.hi().transposed());
    gemm(MatrixF(&t_[k * n], 1, n), x, w.ui.hi().transposed());
  }
  split_ = 0;
  weight_.resize(pass.m);
  StepEffect effect;
  effect.restarted = true;
  return effect;
}

// x = H direction, normalised, as example number k; its weight turns the eigenvalue into 1.
void NarrowStep::addColumn(const ExactPass& pass, const std::vector<double>& direction, double eigenvalue) {
  const size_t k = pass.m + split_, n = pass.features;
  std::vector<double> x(n);
  for (size_t i = 0; i < k; i++) {
    for (size_t j = 0; j < n; j++) x[j] += direction[i] * h_[i * n + j];
  }
  double norm = 0;
  for (double value : x) norm += value * value;
  for (double value : x) h_.push_back(static_cast<float>(value / std::sqrt(norm)));
  hu_.resize(h_.size());
  t_.resize(h_.size());
  weight_.push_back(static_cast<float>(eigenvalue - 1));  // exactly what the log will hold
  std::vector<double> gram((k + 1) * (k + 1));
  for (size_t i = 0; i <= k; i++) {
    for (size_t j = 0; j < k; j++) gram[i * (k + 1) + j] = i < k ? kGram_[i * k + j] : 0;
    gram[i * (k + 1) + k] = kernels().dotDouble(&h_[i * n], &h_[k * n], n);
  }
  for (size_t j = 0; j < k; j++) gram[k * (k + 1) + j] = gram[j * (k + 1) + k];
  kGram_.swap(gram);
  split_++;
}

}  // namespace

std::unique_ptr<StepAlgebra> makeNarrowStep() { return std::make_unique<NarrowStep>(); }

}  // namespace widehead
