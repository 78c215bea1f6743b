#include "exact/stabiliser.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"

namespace widehead {

namespace {

double normalise(std::vector<double>& x) {
  double norm = 0;
  for (double value : x) norm += value * value;
  norm = std::sqrt(norm);
  for (double& value : x) value /= norm;
  return norm;
}

}  // namespace

Stabiliser::Stabiliser(size_t features) : features_(features), small_(features), large_(features) {
  for (size_t i = 0; i < features; i++) small_[i] = large_[i] = randomNormal(1, i);
  normalise(small_);
  normalise(large_);
}

void Stabiliser::afterStep(FactoredWeights& w, const StepEffect& effect, const StabilisationPolicy& policy) {
  splits_ += effect.restarted ? features_ : effect.split.size();
  // What a step does to a direction that it split off is done in large opposite parts: their rounding errors go here.
  for (const std::vector<double>& x : effect.split) polish(w, x);
  smallest_ = effect.restarted ? 1 : smallest_ * std::min(1.0, effect.contraction);
  largest_ = effect.restarted ? 1 : largest_ * effect.growth;
  // What a look finds is a power iteration's word and not a bound, so there is one every few steps however good things seem.
  const bool due = ++sinceLook_ >= policy.lookEvery && (effect.contraction < 1 || effect.growth > 1);
  if (due || smallest_ < policy.lo) keepAbove(w, policy.lo);
  if (due || largest_ > 1 / policy.lo) keepBelow(w, 1 / policy.lo);
  if (due) sinceLook_ = 0;
  for (size_t i = 0; i < std::min(policy.polishColumns, features_); i++) {
    polishColumn(w, nextColumn_);
    nextColumn_ = (nextColumn_ + 1) % features_;
  }
  payLog(w, policy);
}

// The largest singular value of `matrix`, from below, with its left vector in x.
double Stabiliser::singularValue(const CompensatedMatrix& matrix, std::vector<double>& x, int iterations) {
  std::vector<double> t(features_);
  for (int i = 0; i < iterations; i++) {
    matrix.multiplyTransposed(t.data(), x.data());
    matrix.multiply(x.data(), t.data());
    if (!(normalise(x) > 0)) return 0;
  }
  matrix.multiplyTransposed(t.data(), x.data());
  return normalise(t);
}

void Stabiliser::keepAbove(FactoredWeights& w, double lo) {
  int iterations = 2;  // the last vector is a good start: what contracts U changes slowly
  for (size_t i = 0; i <= features_; i++) {
    const double s = 1 / singularValue(w.ui, small_, iterations);
    smallest_ = s;
    if (!(s < lo)) return;
    correct(w, small_, s);
    for (double& value : small_) value = randomNormal(2, draws_++);
    normalise(small_);
    iterations = 6;
  }
}

void Stabiliser::keepBelow(FactoredWeights& w, double hi) {
  int iterations = 2;
  for (size_t i = 0; i <= features_; i++) {
    const double s = singularValue(w.u, large_, iterations);
    largest_ = s;
    if (!(s > hi)) return;
    correct(w, large_, s);
    for (double& value : large_) value = randomNormal(3, draws_++);
    normalise(large_);
    iterations = 6;
  }
}

// V <- V F, U <- F^-1 U, U^-T <- F^T U^-T with F = I - c x x^T, c = 1 - s: exact for every x.
void Stabiliser::correct(FactoredWeights& w, const std::vector<double>& direction, double s) {
  // V gets float32 numbers, so F is made of them; its inverse then follows in float64.
  std::vector<float> entry(direction.begin(), direction.end());
  const std::vector<double> x(entry.begin(), entry.end());
  const float c = static_cast<float>(1 - s);
  double square = 0;
  for (double value : x) square += value * value;
  w.v.log().append({{entry.data(), entry.data(), c}});
  std::vector<double> t(features_);
  w.u.multiplyTransposed(t.data(), x.data());
  w.u.addRankOne(c / (1 - c * square), x.data(), t.data());
  w.ui.multiplyTransposed(t.data(), x.data());
  w.ui.addRankOne(-static_cast<double>(c), x.data(), t.data());
  corrections_++;
  w.ui.multiplyTransposed(t.data(), x.data());
  normalise(t);
  polish(w, t);
}

// A Newton-Schulz step for the inverse, restricted to the right direction p: U^-T += U^-T r p^T, r = p - U^T U^-T p.
void Stabiliser::polish(FactoredWeights& w, const std::vector<double>& p) {
  std::vector<double> image(features_), r(features_);
  w.ui.multiply(image.data(), p.data());
  w.u.multiplyTransposed(r.data(), image.data());
  for (size_t i = 0; i < features_; i++) r[i] = p[i] - r[i];
  w.ui.multiply(image.data(), r.data());
  w.ui.addRankOne(1, image.data(), p.data());
}

// The same for a unit vector p, of which only one column changes.
void Stabiliser::polishColumn(FactoredWeights& w, size_t column) {
  std::vector<double> image(features_), r(features_);
  for (size_t i = 0; i < features_; i++) image[i] = w.ui.value(i, column);
  w.u.multiplyTransposed(r.data(), image.data());
  for (size_t i = 0; i < features_; i++) r[i] = (i == column) - r[i];
  w.ui.multiply(image.data(), r.data());
  for (size_t i = 0; i < features_; i++) w.ui.set(i, column, w.ui.value(i, column) + image[i]);
}

void Stabiliser::payLog(FactoredWeights& w, const StabilisationPolicy& policy) {
  const uint64_t length = w.v.log().length();
  const double entries = static_cast<double>(length - paidLength_);
  paidLength_ = length;
  if (entries == 0) return;
  w.v.log().work(static_cast<size_t>(entries) * w.v.log().pace());
  sweepDue_ += entries * policy.sweepRows;
  const size_t rows = static_cast<size_t>(sweepDue_);
  sweepDue_ -= static_cast<double>(rows);
  w.v.sweep(rows);
}

}  // namespace widehead
