// The step for m <= d: the gradient's Gram matrix and the system for X are m x m.

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/pool.h"
#include "exact/narrow_system.h"
#include "exact/split.h"
#include "exact/step.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"

namespace widehead {

namespace {

constexpr size_t kRows = 16;  // of n numbers, a thread
// Rows of U^-T that one of the two halves takes at a time, and multiply-adds that they are at least: some 5 us a thread.
constexpr size_t kInverseRows = 24;
constexpr size_t kInverseWork = 500000;

class NarrowStep : public StepAlgebra {
 public:
  bool prepares() const override { return true; }
  void prepare(const FactoredWeights& w, const ExactPass& pass) override;
  double gradNormSquared(const FactoredWeights& w, ExactPass& pass) override;
  StepEffect update(FactoredWeights& w, ExactPass& pass, double eta, double singular) override;
  size_t bytes() const override {
    size_t total = StepAlgebra::bytes() + system_.bytes();
    for (const Buffer<float>* buffer : {&half_, &coupling_, &coupled_, &overlap_, &classGradients_, &weighted_, &t_})
      total += buffer->bytes();
    return total;
  }

 private:
  StepEffect solve(const FactoredWeights& w, ExactPass& pass, double singular);
  // What the two halves of update() tell each other.
  struct Progress {
    StepEffect effect;
    size_t examples = 0;  // with those split off; 0 until they are known
    bool hasX = false;
    Gate solved, beyondX;
    std::atomic<size_t> nextRow{0};  // of U^-T
  };
  void solveForX(const FactoredWeights& w, ExactPass& pass, double singular, Progress& progress);
  std::vector<double> combineExamples(const ExactPass& pass, const std::vector<double>& coefficients) const;
  void splitOff(const FactoredWeights& w, ExactPass& pass, const std::vector<double>& direction, double eigenvalue);
  void updateCovariance(FactoredWeights& w, const ExactPass& pass, double eta);
  void updateInverse(FactoredWeights& w, Progress& progress);
  const float* example(const ExactPass& pass, size_t i) const {
    return i < pass.m ? &pass.hidden[i * pass.features] : &directions_[(i - pass.m) * pass.features];
  }
  void weigh(const ExactPass& pass, const double* weight, size_t count);
  void coupleRows(const ExactPass& pass, size_t begin, size_t end);

  Buffer<float> half_;      // m x n: gq H Qc + Z_c; then R
  Buffer<float> coupling_;  // m x m: half_ H^T
  Buffer<float> coupled_;   // m x n: coupling_ diag(gq) H
  Buffer<float> overlap_, classGradients_;
  std::vector<double> hy_;     // n: H ybar
  std::vector<double> norms_;  // m: what an example has of the squared norm
  // With split directions as further examples, k = m + split in all:
  std::vector<float> directions_;  // split x n
  Buffer<float> weighted_;         // k x n: examples times their weights
  Buffer<float> t_;                // k x n: H Ui^T
  NarrowSystem system_;
};

// weighted_ = diag(weight) H
void NarrowStep::weigh(const ExactPass& pass, const double* weight, size_t count) {
  const size_t n = pass.features;
  parallelFor(count, kRows, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      const Term term = {weight[i], example(pass, i)};
      kernels().combine(&weighted_[i * n], &term, 1, n);
    }
  });
}

// The centred gradient's Gram matrix is M + Y^T Y with M = 4 gq N gq + B + B^T - ybar ybar^T / D, N = H Qc H^T, B = 2 diag(gq) H^T Z_c.
// It is only ever needed between symmetric things, so half of it will do: M = P + P^T,
// P = 2 (gq H Qc + Z_c) H^T diag(gq) - ybar ybar^T / 2D.
double NarrowStep::gradNormSquared(const FactoredWeights& w, ExactPass& pass) {
  const size_t m = pass.m, n = pass.features;
  half_.reserve(m * n);
  coupling_.reserve(m * m);
  coupled_.reserve(m * n);
  weighted_.reserve((m + mostSplit(m)) * n);
  x.reserve((m + mostSplit(m)) * n);
  norms_.resize(m);
  system_.begin(m, m + mostSplit(m));
  syrk(system_.gram(), pass.h());
  weigh(pass, pass.gq.data(), m);
  classOverlap(overlap_, classGradients_, pass);
  parallelFor(m, 2 * kRows, [&](size_t begin, size_t end) { coupleRows(pass, begin, end); });
  hy_ = weightedSum(pass.ybar.data(), pass);
  double norm = 0;
  for (double value : norms_) norm += value;
  for (double value : hy_) norm -= value * value / static_cast<double>(w.numClasses());
  return norm;
}

void NarrowStep::coupleRows(const ExactPass& pass, size_t begin, size_t end) {
  const size_t m = pass.m, n = pass.features;
  for (size_t i = begin; i < end; i++) {
    const Term terms[] = {{0.5, &pass.dhc[i * n]}, {0.5, &pass.z[i * n]}};
    kernels().combine(&half_[i * n], terms, 2, n);
  }
  const MatrixF coupling(&coupling_[begin * m], end - begin, m);
  gemm(coupling, MatrixF(&half_[begin * n], end - begin, n), pass.h().transposed());
  gemm(MatrixF(&coupled_[begin * n], end - begin, n), coupling, MatrixF(weighted_.data(), m, n));
  for (size_t i = begin; i < end; i++) {
    const float* h = &pass.hidden[i * n];
    norms_[i] = 4 * kernels().dotDouble(h, &coupled_[i * n], n) + kernels().dotDouble(h, &overlap_[i * n], n);
  }
}

void NarrowStep::prepare(const FactoredWeights& w, const ExactPass& pass) {
  const size_t m = pass.m, n = pass.features;
  t_.reserve((m + mostSplit(m)) * n);
  gemm(MatrixF(t_.data(), m, n), pass.h(), w.ui.hi().transposed());
}

StepEffect NarrowStep::update(FactoredWeights& w, ExactPass& pass, double eta, double singular) {
  const size_t m = pass.m, n = pass.features;
  directions_.clear();
  for (size_t i = 0; i < m; i++) system_.weight()[i] = 2 * eta * pass.gq[i];
  Progress progress;
  inParallel(
      [&] {
        solveForX(w, pass, singular, progress);
        updateInverse(w, progress);
      },
      [&] {
        updateCovariance(w, pass, eta);
        progress.solved.wait();  // the image of a split direction is that in the U before the step
        const ConstMatrixF hu(pass.hu.data(), progress.examples, n), weighted(weighted_.data(), progress.examples, n);
        gemmCompensated(w.u.hi(), w.u.lo(), hu.transposed(), weighted, -1);  // U -= Hu diag(weight) H^T
        progress.beyondX.wait();
        updateInverse(w, progress);
      });
  StepEffect& effect = progress.effect;
  if (effect.restarted) {
    w.restartU();
    std::copy_n(pass.hidden.data(), m * n, x.data());
    return effect;
  }
  std::vector<CorrectionLog::Entry> entries;
  for (size_t i = m; i < progress.examples; i++) {
    entries.push_back({&pass.hu[i * n], &x[i * n], static_cast<float>(-system_.weight()[i])});
    effect.split.emplace_back(example(pass, i), example(pass, i) + n);
  }
  if (!entries.empty()) w.v.log().append(entries);
  return effect;
}

// Fills weighted_ and X = K^-1 T = U_new^-T H.
void NarrowStep::solveForX(const FactoredWeights& w, ExactPass& pass, double singular, Progress& progress) {
  const Gate::Opener openX(progress.beyondX);
  {
    const Gate::Opener openSolved(progress.solved);
    progress.effect = solve(w, pass, singular);
    weigh(pass, system_.weight().data(), system_.weight().size());
    progress.examples = system_.weight().size();
  }
  if (progress.effect.restarted) return;
  const size_t n = pass.features, k = progress.examples;
  gemm(MatrixF(x.data(), k, n), system_.inverse(), MatrixF(t_.data(), k, n));
  progress.hasX = true;
}

// U^-T += X diag(weight) H^T, some rows after the other: each half, when it has done all else, takes the next ones.
void NarrowStep::updateInverse(FactoredWeights& w, Progress& progress) {
  if (!progress.hasX) return;
  const size_t n = w.features(), k = progress.examples;
  const size_t count = std::max(kInverseRows, kInverseWork / (n * k)) * teamThreads();
  const ConstMatrixF xt = ConstMatrixF(x.data(), k, n).transposed(), weighted(weighted_.data(), k, n);
  for (size_t begin; (begin = progress.nextRow.fetch_add(count)) < n;) {
    const size_t end = std::min(n, begin + count);
    gemmCompensated(w.ui.hi().rowRange(begin, end), w.ui.lo().rowRange(begin, end), xt.rowRange(begin, end), weighted,
                    1);
  }
}

// Qc -= R H^T + H R^T with R = eta dH_c - eta^2/2 H M_c, of which the half P will do.
void NarrowStep::updateCovariance(FactoredWeights& w, const ExactPass& pass, double eta) {
  const size_t m = pass.m, n = pass.features;
  const double perClass = 1.0 / static_cast<double>(w.numClasses());
  parallelFor(m, kRows, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      const Term terms[] = {{eta, &pass.dhc[i * n]},
                            {-2 * eta * eta, &coupled_[i * n]},
                            {-eta * eta / 2, &overlap_[i * n]},
                            {eta * eta / 2 * perClass * pass.ybar[i], nullptr, hy_.data()}};
      kernels().combine(&half_[i * n], terms, 4, n);
    }
  });
  syr2kCompensated(w.qc.hi(), w.qc.lo(), MatrixF(half_.data(), m, n), pass.h(), -1);
}

// Inverts K; splits off directions until no eigenvalue of A' is near 0, or asks for a restart.
StepEffect NarrowStep::solve(const FactoredWeights& w, ExactPass& pass, double singular) {
  StepEffect effect;
  effect.restarted = true;
  if (std::isinf(singular)) return effect;
  system_.invert();
  for (;;) {
    std::vector<double> direction;
    const double nearest = system_.nearestToZero(direction);
    const std::vector<double>& weight = system_.weight();
    if (!(std::fabs(nearest) < singular)) {
      const bool onlyShrinks = *std::min_element(weight.begin(), weight.end()) >= 0;
      effect = boundEffect(nearest, sumOfSquares(system_.gram(), weight), onlyShrinks);
      if (nearest < kShrinks) effect.shrunk = [this, &pass, direction] { return combineExamples(pass, direction); };
      return effect;
    }
    if (weight.size() == pass.m + mostSplit(pass.m)) break;
    splitOff(w, pass, direction, nearest);
  }
  system_.weight().resize(pass.m);
  return effect;
}

// H coefficients
std::vector<double> NarrowStep::combineExamples(const ExactPass& pass, const std::vector<double>& coefficients) const {
  std::vector<double> sum(pass.features);
  for (size_t i = 0; i < coefficients.size(); i++) {
    kernels().axpyWide(sum.data(), coefficients[i], example(pass, i), pass.features);
  }
  return sum;
}

// x = H direction, normalised, as one more example; its weight turns the eigenvalue into 1.
void NarrowStep::splitOff(const FactoredWeights& w, ExactPass& pass, const std::vector<double>& direction,
                          double eigenvalue) {
  const size_t k = system_.weight().size(), n = pass.features;
  const std::vector<double> x = combineExamples(pass, direction);
  double norm = 0;
  for (double value : x) norm += value * value;
  for (double value : x) directions_.push_back(static_cast<float>(value / std::sqrt(norm)));
  const ConstMatrixF unit(example(pass, k), 1, n);
  gemm(MatrixF(&pass.hu[k * n], 1, n), unit, w.u.hi().transposed());
  gemm(MatrixF(&t_[k * n], 1, n), unit, w.ui.hi().transposed());
  std::vector<double> products(k + 1);
  for (size_t i = 0; i <= k; i++) products[i] = kernels().dotDouble(example(pass, i), unit.data, n);
  // Rounded, because the log holds it as a float32.
  system_.add(products, static_cast<float>(eigenvalue - 1), eigenvalue);
}

}  // namespace

std::unique_ptr<StepAlgebra> makeNarrowStep() { return std::make_unique<NarrowStep>(); }

}  // namespace widehead
