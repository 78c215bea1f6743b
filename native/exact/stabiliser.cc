#include "exact/stabiliser.h"

#include <algorithm>
#include <cmath>
#include <exception>

#include "base/pool.h"
#include "kernels/kernels.h"

namespace widehead {

namespace {

constexpr int kIterations = 2;    // a look
constexpr size_t kRecent = 4;     // directions kept to be used again
constexpr double kMisfit = 1.15;  // of a direction that is used again; 1 is a singular vector
// U as a whole is scaled when the mean of its singular values leaves these.
constexpr double kMeanLow = 0.85, kMeanHigh = 1.1;
constexpr float kRescale = 1.1f;
// A step that may shrink something to less than this changes U too much for the vectors of the last look.
constexpr double kViolent = 0.6;
constexpr double kViolentLow = 0.5;
// Columns are polished together, so that U and U^-T are read once for all of them.
constexpr size_t kPolish = 4;
constexpr double kPolishExamples = 64;  // a minibatch of fewer spoils, and pays for, less, unless the step is violent

double norm(const std::vector<double>& x) {
  double square = 0;
  for (double value : x) square += value * value;
  return std::sqrt(square);
}

double dot(const std::vector<double>& x, const std::vector<double>& y) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); i++) sum += x[i] * y[i];
  return sum;
}

}  // namespace

Stabiliser::Stabiliser(size_t features)
    : features_(features), inverse_(features, 2), forward_(features, 3), image_(kPolish * features),
      rest_(kPolish * features) {
  recent_.reserve(kRecent);
}

void Stabiliser::afterStep(FactoredWeights& w, const StepEffect& effect, size_t examples,
                           const StabilisationPolicy& policy) {
  splits_ += effect.restarted ? features_ : effect.split.size();
  // What a step does to a direction that it split off is done in large opposite parts: their rounding errors go here.
  for (const std::vector<double>& x : effect.split) polish(w, x);
  smallest_ = effect.restarted ? 1 : smallest_ * std::min(1.0, effect.contraction);
  largest_ = effect.restarted ? 1 : largest_ * effect.growth;
  // What a look finds is a power iteration's word and not a bound, so there is one every few steps however good things seem.
  thorough_ = effect.contraction < kViolent;
  const bool violent = thorough_ || !effect.split.empty();
  const bool due = ++sinceLook_ >= policy.lookEvery && (effect.contraction < 1 || effect.growth > 1);
  if (due) sinceLook_ = 0;
  // Violent steps multiply the errors that a wide band leaves in rows of V.
  try {
    watch(w, effect, due, violent ? std::max(policy.lo, kViolentLow) : policy.lo);
  } catch (const std::exception&) {
    sinceLook_ = policy.lookEvery;  // what it has done is done; the bounds still hold, and the next step looks again
  }
  const double spoilt = violent ? 1 : std::min(1.0, static_cast<double>(examples) / kPolishExamples);
  polishDue_ += spoilt * static_cast<double>(policy.polishColumns);
  // At most one block more than the policy asks for, so that no step pays for all that a rescaling owes.
  for (size_t done = 0; polishDue_ >= kPolish && done <= policy.polishColumns; done += kPolish) polishColumns(w);
  payLog(w, policy);
}

// Looks at U when it is due, or when a value may have left [lo, hi], and corrects what has.
void Stabiliser::watch(FactoredWeights& w, const StepEffect& effect, bool due, double lo) {
  // Below 1 / lo: rows of V carry rounding errors in proportion to the spread of the values, and with U scaled as a whole few come here.
  const double hi = 1 / std::sqrt(lo);
  if (due || smallest_ < lo || largest_ > hi) rescale(w);
  if ((due || smallest_ < lo) && effect.shrunk) {
    // What this step has shrunk most, the ones before it probably did too: U^-T turns it into the left vector to look at.
    std::vector<double> x(features_);
    w.ui.multiplyRoughly(x.data(), effect.shrunk().data());
    inverse_.suggest(x.data());
  }
  // Each matrix where the step left it in a cache, one beside the other.
  if (due)
    inParallel([&] { inverse_.iterate(w.ui.hi(), kIterations); }, [&] { forward_.iterate(w.u.hi(), kIterations); });
  const uint64_t before = corrections_;
  // What has shrunk will shrink on: it is brought a little above 1, and comes back less often.
  if (due || smallest_ < lo) keepAbove(w, lo, thorough_ ? 1 : std::sqrt(hi), due);
  if (due || largest_ > hi) keepBelow(w, hi, due && corrections_ == before);
}

// Features contract together, for the greater part: one entry that stretches U in all directions stands for d corrections.
// Where only some contract the mean stays, since those that do are corrected.
void Stabiliser::rescale(FactoredWeights& w) {
  const double rms = w.u.rmsSingularValue();
  const float scale = rms < kMeanLow ? 1 / kRescale : rms > kMeanHigh ? kRescale : 1.0f;
  if (scale == 1) return;
  const std::vector<float> none(features_);
  w.v.log().append({{none.data(), none.data(), 0.0f}}, scale);
  // The error E = U^T U^-T - I becomes A^T E A^-T in a step, which grows where A shrinks features unevenly. Corrections polish
  // what they touch; this is for those that are not made.
  polishDue_ += static_cast<double>(features_) * std::fabs(std::log2(scale));
  w.u.scale(1 / static_cast<double>(scale));
  w.ui.scale(scale);
  smallest_ /= scale;
  largest_ /= scale;
}

// The values of the block of U^-T are the inverses of U's smallest.
void Stabiliser::keepAbove(FactoredWeights& w, double lo, double aim, bool looked) {
  double corrected = 1;
  const double largest = keepWithin(inverse_, w.ui, 1 / lo, looked, [&](const float* x, double value) {
    corrected = std::min(corrected, 1 / value / correct(w, x, aim));
  });
  smallest_ = std::min(1 / largest, corrected);
}

void Stabiliser::keepBelow(FactoredWeights& w, double hi, bool looked) {
  largest_ = std::max(1.0, keepWithin(forward_, w.u, hi, looked, [&](const float* x, double) { correct(w, x, 1); }));
}

// Calls correctAlong for each vector of the block whose value is above the limit, until a look finds none; the largest value then.
template <class Correct>
double Stabiliser::keepWithin(SingularBlock& block, const CompensatedMatrix& matrix, double limit, bool looked,
                              const Correct& correctAlong) {
  double largest = limit;
  for (size_t round = 0; round <= features_; round++) {
    if (!looked) block.iterate(matrix.hi(), kIterations);
    looked = false;
    // Vectors of the block are orthogonal, and correcting one leaves the values of the others.
    for (size_t i = 0; i < SingularBlock::kVectors; i++) {
      largest = block.value(i);
      if (!(largest > limit)) {
        if (thorough_ && i > 0) break;
        return largest;
      }
      correctAlong(block.vector(i), largest);
      block.renew(i);
    }
  }
  return largest;
}

// Brings the singular value of the left vector x of U to about `aim`. Returns |F x|: what is left of x's part of U^-T.
double Stabiliser::correct(FactoredWeights& w, const float* x, double aim) {
  const std::vector<float>* again = findRecent(x);
  Correction correction;
  if (again != nullptr) correction = plan(w, again->data());
  if (again == nullptr || correction.misfit > kMisfit) correction = plan(w, x);
  const double cosine = kernels().dotDouble(x, correction.y.data(), features_);
  const double rest = std::max(0.0, 1 - cosine * cosine);
  correction.factor /= aim;
  const double s = correction.factor;
  apply(w, correction);
  corrections_++;
  remember(std::move(correction.y));
  return std::sqrt(rest + cosine * cosine * s * s);
}

// A direction that an earlier correction had, bit for bit, costs the log nothing but a number. Any direction is right, so a near
// one serves.
const std::vector<float>* Stabiliser::findRecent(const float* x) const {
  const std::vector<float>* best = nullptr;
  double bestCosine = 0.85;
  for (const std::vector<float>& y : recent_) {
    const double cosine = std::fabs(kernels().dotDouble(x, y.data(), features_));
    if (cosine > bestCosine) {
      bestCosine = cosine;
      best = &y;
    }
  }
  return best;
}

void Stabiliser::remember(std::vector<float> y) {
  const auto known = std::find(recent_.begin(), recent_.end(), y);
  if (known != recent_.end()) {
    recent_.erase(known);
  } else if (recent_.size() == kRecent) {
    recent_.pop_back();
  }
  recent_.insert(recent_.begin(), std::move(y));
}

Stabiliser::Correction Stabiliser::plan(const FactoredWeights& w, const float* y) const {
  Correction plan;
  plan.y.assign(y, y + features_);
  plan.wide.assign(y, y + features_);
  plan.image.resize(features_);
  plan.inverseImage.resize(features_);
  w.u.multiplyTransposed(plan.image.data(), plan.wide.data());
  w.ui.multiplyTransposed(plan.inverseImage.data(), plan.wide.data());
  // The geometric mean of what U and U^-T ask for; they agree, and the misfit is 1, where y is a singular vector.
  const double forward = norm(plan.image), backward = norm(plan.inverseImage);
  plan.factor = std::sqrt(forward / backward);
  plan.misfit = forward * backward;
  return plan;
}

// V <- V F, U <- F^-1 U, U^-T <- F^T U^-T with F = I - c y y^T, c = 1 - s: exact for every y. With it the Newton-Schulz step of
// polish() for the right direction p = U^T_new y, made before the matrices change, so that each is gone through once.
void Stabiliser::apply(FactoredWeights& w, const Correction& correction) {
  // V gets float32 numbers, so F is made of them; its inverse then follows in float64.
  const float c = static_cast<float>(1 - correction.factor);
  const std::vector<double>&y = correction.wide, &image = correction.image, &inverseImage = correction.inverseImage;
  const double forward = c / (1 - c * dot(y, y)), length = norm(inverseImage);
  std::vector<double> p(inverseImage), inverseOfP(features_), r(features_), change(features_);
  w.v.log().append({{correction.y.data(), correction.y.data(), c}});  // the last thing that needs memory
  for (double& value : p) value /= length;
  w.ui.multiply(inverseOfP.data(), p.data());
  for (size_t i = 0; i < features_; i++) inverseOfP[i] -= c * length * y[i];
  w.u.multiplyTransposed(r.data(), inverseOfP.data());
  const double alongImage = forward * dot(y, inverseOfP);
  for (size_t i = 0; i < features_; i++) r[i] = p[i] - r[i] - alongImage * image[i];
  w.ui.multiplyRoughly(change.data(), r.data());
  const double alongInverse = c * dot(inverseImage, r);
  for (size_t i = 0; i < features_; i++) change[i] = (change[i] - alongInverse * y[i]) / length - c * y[i];
  w.u.addRankOne(forward, y.data(), image.data());
  w.ui.addRankOne(1, change.data(), inverseImage.data());
}

// A Newton-Schulz step for the inverse, restricted to the right direction p: U^-T += U^-T r p^T, r = p - U^T U^-T p.
void Stabiliser::polish(FactoredWeights& w, const std::vector<double>& p) {
  w.ui.multiply(image_.data(), p.data());
  w.u.multiplyTransposed(rest_.data(), image_.data());
  for (size_t i = 0; i < features_; i++) rest_[i] = p[i] - rest_[i];
  w.ui.multiplyRoughly(image_.data(), rest_.data());
  w.ui.addRankOne(1, image_.data(), p.data());
}

// The same for kPolish unit vectors, of which only their columns change.
void Stabiliser::polishColumns(FactoredWeights& w) {
  const size_t n = features_, count = std::min(kPolish, n);
  nextColumn_ = std::min(nextColumn_, n - count);
  std::vector<double>&image = image_, &r = rest_;
  for (size_t i = 0; i < n; i++) {
    for (size_t c = 0; c < count; c++) image[c * n + i] = w.ui.value(i, nextColumn_ + c);
  }
  w.u.multiplyTransposed(r.data(), image.data(), count);
  for (size_t c = 0; c < count; c++) {
    for (size_t i = 0; i < n; i++) r[c * n + i] = (i == nextColumn_ + c) - r[c * n + i];
  }
  w.ui.multiplyRoughly(image.data(), r.data(), count);
  for (size_t i = 0; i < n; i++) {
    for (size_t c = 0; c < count; c++) w.ui.set(i, nextColumn_ + c, w.ui.value(i, nextColumn_ + c) + image[c * n + i]);
  }
  nextColumn_ = nextColumn_ + count < n ? nextColumn_ + count : 0;
  polishDue_ -= kPolish;
}

void Stabiliser::payLog(FactoredWeights& w, const StabilisationPolicy& policy) {
  const uint64_t length = w.v.log().length();
  const double entries = static_cast<double>(length - paidLength_);
  paidLength_ = length;
  if (entries == 0 && sweepDue_ < 1) return;
  w.v.log().work(static_cast<size_t>(entries) * w.v.log().pace());
  sweepDue_ += entries * policy.sweepRows;
  // Of several entries at once, one now and the rest by halves in the steps to come.
  const size_t rows = static_cast<size_t>(std::min(sweepDue_, std::max(policy.sweepRows, sweepDue_ / 2)));
  sweepDue_ -= static_cast<double>(rows);
  w.v.sweep(rows);
}

void Stabiliser::archive(ByteStream& stream) {
  inverse_.archive(stream);
  forward_.archive(stream);
  for (double* value : {&smallest_, &largest_, &polishDue_, &sweepDue_}) stream.number(*value);
  uint8_t thorough = thorough_;
  stream.number(thorough);
  thorough_ = thorough != 0;
  for (size_t* value : {&nextColumn_, &sinceLook_}) stream.number(*value);
  for (uint64_t* value : {&corrections_, &splits_, &paidLength_}) stream.number(*value);
  recent_.resize(stream.length(recent_.size(), sizeof(uint64_t)));
  for (std::vector<float>& direction : recent_) {
    stream.list(direction);
    ByteStream::require(direction.size() == features_, "a direction of another length");
  }
  ByteStream::require(nextColumn_ < features_, "a column that is not there");
}

}  // namespace widehead
