#include "heads/bulk_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/kernels.h"

namespace widehead {

BulkLoss::BulkLoss(BulkPass& pass, size_t numClasses, double share, size_t example, double offset)
    : pass_(pass), j_(example), sure_(pass.sure.size()), drawn_(pass.drawn.size()),
      begin_(pass.targets.indptr()[example]), end_(pass.targets.indptr()[example + 1]),
      left_(static_cast<double>(numClasses) - static_cast<double>(sure_ + end_ - begin_) -
            static_cast<double>(pass.ownDrawnPtr[example + 1] - pass.ownDrawnPtr[example])),
      share_(drawn_ > 0 ? share : 0), offset_(offset), outputs_(pass.shared.outputs().row(example)),
      g_(pass.shared.gradients().row(example)), largest_(-std::numeric_limits<double>::infinity()) {}

void BulkLoss::compute(double gamma) {
  addShared();
  addOwn();
  const GaussianBulk rest(left_, pass_.s[j_] - sum_, pass_.q[j_] - squares_);
  const double part = 1 - share_;
  const double logRest = part > 0 ? rest.logSum() + std::log(part) : -std::numeric_limits<double>::infinity();
  // A shift that float32 holds, less the offset: the shared exponentials have it too.
  const float shift = static_cast<float>(std::max(largest_, logRest) - offset_);
  shift_ = shift + offset_;
  z_ = std::exp(logRest - shift_) + kernels().expSum(g_, shift, sure_ + drawn_);
  for (size_t k = begin_; k < end_; k++) z_ += std::exp(pass_.a[k] - shift_);
  k_ = left_ > 0 ? part * std::exp(rest.logMean - shift_) / z_ : 0;
  pass_.losses[j_] = (total_ != 0 ? total_ * (shift_ + std::log(z_)) : 0) - weighted_;
  differentiate(rest, gamma);
}

// Sums over the columns, in the outputs' own units; what is drawn is a part of the bulk still.
void BulkLoss::addShared() {
  std::copy_n(outputs_, sure_ + drawn_, g_);
  if (sure_ > 0) {
    const double plain = kernels().dotWide(pass_.shared.ones(), outputs_, sure_), n = static_cast<double>(sure_);
    sum_ = plain + n * offset_;
    squares_ = kernels().dotDouble(outputs_, outputs_, sure_) + offset_ * (2 * plain + n * offset_);
  }
  if (drawn_ > 0) kernels().axpy(g_ + sure_, 1, pass_.logWeights.data(), drawn_);
  for (size_t i = pass_.ownDrawnPtr[j_]; i < pass_.ownDrawnPtr[j_ + 1]; i++) {
    const size_t column = pass_.shared.column(pass_.ownDrawn[i]);
    g_[column] = outputs_[column];
    const double o = outputs_[column] + offset_;
    sum_ += o;
    squares_ += o * o;
  }
  if (sure_ + drawn_ > 0) largest_ = kernels().largest(g_, sure_ + drawn_) + offset_;
  for (size_t i = pass_.sharedTargetPtr[j_]; i < pass_.sharedTargetPtr[j_ + 1]; i++) {
    const BulkPass::SharedTarget& target = pass_.sharedTargets[i];
    total_ += target.value;
    weighted_ += target.value * (outputs_[pass_.shared.column(target.place)] + offset_);
  }
}

void BulkLoss::addOwn() {
  for (size_t k = begin_; k < end_; k++) {
    const double o = pass_.a[k];
    sum_ += o;
    squares_ += o * o;
    largest_ = std::max(largest_, o);
    total_ += pass_.targets.values()[k];
    weighted_ += pass_.targets.values()[k] * o;
  }
}

void BulkLoss::differentiate(const GaussianBulk& rest, double gamma) {
  const double k = total_ * k_;
  pass_.gq[j_] = k * rest.forSquares();
  pass_.gs[j_] = k * rest.forSum();
  for (size_t i = begin_; i < end_; i++) {
    const double o = pass_.a[i];
    pass_.ga[i] = total_ * std::exp(o - shift_) / z_ - k * rest.forOutput(o) - pass_.targets.values()[i];
  }
  differentiateShared(rest, 1 / (static_cast<double>(pass_.m) * gamma));
}

// Of what is computed one by one the whole derivative is without the bulk's part, which is subtracted from G; of what is drawn, with it,
// and G without. So neither gets what rounding leaves of adding it to take it away again.
void BulkLoss::differentiateShared(const GaussianBulk& rest, double scale) {
  const double k = scale * total_ * k_, forExponential = scale * total_ / z_;
  const double slope = k * (rest.forOutput(1) - rest.forOutput(0)), constant = k * rest.forOutput(offset_);
  float* whole = pass_.keepsWhole ? pass_.whole().row(j_) : g_;
  const Term alone = {forExponential, g_};
  kernels().combine(whole, &alone, 1, sure_ + drawn_);
  for (size_t i = pass_.sharedTargetPtr[j_]; i < pass_.sharedTargetPtr[j_ + 1]; i++) {
    const BulkPass::SharedTarget& target = pass_.sharedTargets[i];
    whole[pass_.shared.column(target.place)] -= static_cast<float>(scale * target.value);
  }
  const double* ones = pass_.shared.ones();
  const Term apart[] = {{1, whole}, {-slope, outputs_}, {-constant, nullptr, ones}};
  kernels().combine(g_, apart, 3, sure_);
  if (pass_.keepsWhole) {
    std::copy_n(whole + sure_, drawn_, g_ + sure_);
    const Term together[] = {{1, whole + sure_}, {slope, outputs_ + sure_}, {constant, nullptr, ones}};
    kernels().combine(whole + sure_, together, 3, drawn_);
  }
  for (size_t i = pass_.ownDrawnPtr[j_]; i < pass_.ownDrawnPtr[j_ + 1]; i++) {
    const size_t column = pass_.shared.column(pass_.ownDrawn[i]);
    if (pass_.keepsWhole) whole[column] = g_[column];
    g_[column] -= static_cast<float>(slope * outputs_[column] + constant);
  }
}

}  // namespace widehead
