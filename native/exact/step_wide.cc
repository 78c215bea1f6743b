// The step for m > d: everything that would be m x m is summed over the examples into d x d first.

#include <algorithm>
#include <cmath>

#include "base/pool.h"
#include "exact/split.h"
#include "exact/step.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"
#include "linalg/lu.h"

namespace widehead {

namespace {

void copyRows(Buffer<float>& to, ConstMatrixF from) {
  to.reserve(from.rows * from.cols);
  for (size_t i = 0; i < from.rows; i++) std::copy_n(from.row(i), from.cols, &to[i * from.cols]);
}

class WideStep : public StepAlgebra {
 public:
  double gradNormSquared(const FactoredWeights& w, ExactPass& pass) override;
  StepEffect update(FactoredWeights& w, ExactPass& pass, double eta, double singular) override;
  size_t bytes() const override {
    size_t total = StepAlgebra::bytes() + a_.bytes() + inverse_.bytes() + lu_.bytes();
    for (const Buffer<float>* buffer :
         {&c_, &dhh_, &zh_, &hmh_, &product_, &oldU_, &oldUi_, &overlap_, &classGradients_, &scaled_})
      total += buffer->bytes();
    return total;
  }

 private:
  void setA(size_t n, double eta);
  StepEffect solve(const ExactPass& pass, double eta, double singular);
  bool splitOff(size_t n, double& nearest, double singular, std::vector<double>& x);

  // n x n: C = H diag(gq) H^T / scale; dH_c H^T; Z_c H^T; H M_c H^T
  Buffer<float> c_, dhh_, zh_, hmh_;
  double scale_ = 1;  // the largest |gq|
  Buffer<float> product_, oldU_, oldUi_, overlap_, classGradients_, scaled_;
  Buffer<double> a_, inverse_;  // n x n: A' and its inverse
  std::vector<float> x_;        // split directions, split x n
  std::vector<double> kappa_;
  Lu lu_;
};

double WideStep::gradNormSquared(const FactoredWeights& w, ExactPass& pass) {
  const size_t m = pass.m, n = pass.features;
  const MatrixF h = pass.h(), ht = h.transposed();
  const auto square = [&](Buffer<float>& buffer) { return MatrixF(buffer.reserve(n * n), n, n); };
  // Relative to the largest gq, because a constant gq rounded to float32 would be off by the same share in every step, and
  // in the column of the biases, where h is 1, nothing would average that out.
  scale_ = 0;
  for (size_t i = 0; i < m; i++) scale_ = std::max(scale_, std::fabs(pass.gq[i]));
  if (scale_ == 0) scale_ = 1;
  scaled_.reserve(m * n);
  parallelFor(m, 16, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      const Term term = {pass.gq[i] / scale_, &pass.hidden[i * n]};
      kernels().combine(&scaled_[i * n], &term, 1, n);
    }
  });
  const MatrixF c = square(c_), dhh = square(dhh_), zh = square(zh_), hmh = square(hmh_);
  gemm(c, MatrixF(scaled_.data(), m, n).transposed(), h);
  gemm(dhh, MatrixF(pass.dhc.data(), m, n).transposed(), h);
  gemm(zh, MatrixF(pass.z.data(), m, n).transposed(), h);
  classOverlap(overlap_, classGradients_, pass);
  // H M_c H^T = 2 [C (dH_c H^T) + (Z_c H^T)^T C] + H Y^T Y H^T - (H ybar)(H ybar)^T / D,  dH_c H^T = 2 Qc C + Z_c H^T
  const MatrixF cross = square(product_);
  gemm(hmh, ht, MatrixF(overlap_.data(), m, n));
  gemm(cross, c, dhh);
  gemm(cross, zh.transposed(), c, 1, Into::Add);
  const std::vector<double> hy = weightedSum(pass.ybar.data(), pass);
  double norm = 0;
  const double perClass = 1.0 / static_cast<double>(w.numClasses());
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) {
      hmh(i, j) = static_cast<float>(hmh(i, j) + 2 * scale_ * cross(i, j) - hy[i] * hy[j] * perClass);
    }
    norm += hmh(i, i);
  }
  return norm;
}

StepEffect WideStep::update(FactoredWeights& w, ExactPass& pass, double eta, double singular) {
  const size_t m = pass.m, n = pass.features;
  // Before the first change.
  x.reserve(m * n);
  StepEffect effect = solve(pass, eta, singular);
  copyRows(oldU_, w.u.hi());
  copyRows(oldUi_, w.ui.hi());

  // R H^T = eta dH_c H^T - eta^2/2 H M_c H^T;  Qc -= R H^T + H R^T
  for (size_t i = 0; i < n * n; i++) dhh_[i] = static_cast<float>(eta * dhh_[i] - eta * eta / 2 * hmh_[i]);
  w.qc.subtractSymmetric(MatrixF(dhh_.data(), n, n));
  // U += U (A' - I),  U^-T += U^-T (A'^-1 - I)
  const auto lessIdentity = [&](const Buffer<double>& matrix) {
    for (size_t i = 0; i < n * n; i++) product_[i] = static_cast<float>(matrix[i] - (i % (n + 1) == 0));
    return MatrixF(product_.data(), n, n);
  };
  gemmCompensated(w.u.hi(), w.u.lo(), MatrixF(oldU_.data(), n, n), lessIdentity(a_), 1);
  if (effect.restarted) {
    w.restartU();
    std::copy_n(pass.hidden.data(), m * n, x.data());
    return effect;
  }
  gemmCompensated(w.ui.hi(), w.ui.lo(), MatrixF(oldUi_.data(), n, n), lessIdentity(inverse_), 1);
  gemm(MatrixF(x.data(), m, n), pass.h(), w.ui.hi().transposed());

  const size_t split = kappa_.size();
  if (split == 0) return effect;
  const ConstMatrixF directions(x_.data(), split, n);
  std::vector<float> y(split * n), z(split * n);
  gemm(MatrixF(y.data(), split, n), directions, MatrixF(oldU_.data(), n, n).transposed());
  gemm(MatrixF(z.data(), split, n), directions, w.ui.hi().transposed());
  std::vector<CorrectionLog::Entry> entries;
  for (size_t i = 0; i < split; i++) {
    entries.push_back({&y[i * n], &z[i * n], static_cast<float>(kappa_[i])});
    effect.split.emplace_back(&x_[i * n], &x_[i * n] + n);
  }
  w.v.log().append(entries);
  return effect;
}

void WideStep::setA(size_t n, double eta) {
  a_.reserve(n * n);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) {
      a_[i * n + j] = (i == j) - eta * scale_ * (static_cast<double>(c_[i * n + j]) + c_[j * n + i]);
    }
  }
}

// A' and its inverse; or A itself, when so many directions would have to be split off that U had better restart.
StepEffect WideStep::solve(const ExactPass& pass, double eta, double singular) {
  const size_t n = pass.features;
  setA(n, eta);
  inverse_.reserve(n * n);
  lu_.reserve(n);
  x_.clear();
  kappa_.clear();
  double nearest = 0, squares = 0;
  std::vector<double> direction;
  if (!std::isinf(singular)) do {
      lu_.factor(ConstMatrixD(a_.data(), n, n));
      lu_.inverse(MatrixD(inverse_.data(), n, n));
    } while (splitOff(n, nearest, singular, direction));
  if (std::fabs(nearest) < singular) {
    setA(n, eta);
    StepEffect effect;
    effect.restarted = true;
    return effect;
  }
  for (size_t i = 0; i < n * n; i++) squares += std::pow(a_[i] - (i % (n + 1) == 0), 2);
  const bool onlyShrinks = kappa_.empty() && *std::min_element(pass.gq.data(), pass.gq.data() + pass.m) >= 0;
  StepEffect effect = boundEffect(nearest, squares, onlyShrinks);
  if (nearest < kShrinks) effect.shrunk = [direction] { return direction; };
  return effect;
}

// Finds the eigenvalue of A' nearest 0 and its vector x; if it is too near, adds kappa x x^T to A' and says so.
bool WideStep::splitOff(size_t n, double& nearest, double singular, std::vector<double>& x) {
  std::vector<double> image(n);
  x.resize(n);
  const auto multiplyBy = [n](const Buffer<double>& symmetric) {
    return [&symmetric, n](std::vector<double>& to, const std::vector<double>& from) {
      std::fill(to.begin(), to.end(), 0.0);
      for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) to[j] += from[i] * symmetric[i * n + j];
      }
    };
  };
  inverseIteration(x, multiplyBy(inverse_));
  multiplyBy(a_)(image, x);
  double norm = 0, quotient = 0;
  for (size_t i = 0; i < n; i++) {
    norm += x[i] * x[i];
    quotient += x[i] * image[i];
  }
  nearest = quotient / norm;
  if (!(std::fabs(nearest) < singular) || kappa_.size() == kMaxSplit) return false;
  const double kappa = 1 - nearest;
  for (double value : x) x_.push_back(static_cast<float>(value / std::sqrt(norm)));
  // The log's coefficient is a float32: use the very same number here.
  kappa_.push_back(static_cast<float>(kappa));
  const float* unit = &x_[(kappa_.size() - 1) * n];
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) a_[i * n + j] += kappa_.back() * unit[i] * static_cast<double>(unit[j]);
  }
  return true;
}

}  // namespace

std::unique_ptr<StepAlgebra> makeWideStep() { return std::make_unique<WideStep>(); }

}  // namespace widehead
