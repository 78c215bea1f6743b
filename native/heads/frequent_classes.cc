#include "heads/frequent_classes.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace widehead {

namespace {

void checkCounts(const double* counts, size_t numClasses) {
  for (size_t i = 0; i < numClasses; i++) {
    if (std::isfinite(counts[i]) && counts[i] >= 0) continue;
    throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE",
                "counts must be at least 0 and finite, got " + shown(counts[i]) + " at index " + std::to_string(i));
  }
}

}  // namespace

FrequentClasses::FrequentClasses(const FrequentSettings& settings, size_t numClasses)
    : numClasses_(numClasses), size_(std::min(settings.size, numClasses)),
      gathers_(settings.classes.empty() && settings.counts == nullptr && size_ > 0), classes_(settings.classes) {
  classes_.reserve(size_);  // nothing is to be had after an update
  counts_.reserve(size_);
  if (!classes_.empty()) {
    std::sort(classes_.begin(), classes_.end());
    return;
  }
  if (settings.counts != nullptr) {
    checkCounts(settings.counts, numClasses);
    choose([&](size_t i) { return settings.counts[i]; });
  }
  if (gathers_) gathered_.zeros(numClasses);
}

// The size_ highest counts above 0, ties to the lower id.
template <class Count>
void FrequentClasses::choose(Count&& count) {
  const auto ranksBefore = [&](uint32_t a, uint32_t b) { return count(a) != count(b) ? count(a) > count(b) : a < b; };
  // A heap whose top is the worst that is in; candidates come with rising ids, so that a tie never gets in.
  classes_.clear();
  for (uint32_t i = 0; i < numClasses_; i++) {
    if (!(count(i) > 0)) continue;
    if (classes_.size() == size_) {
      if (size_ == 0 || !ranksBefore(i, classes_.front())) continue;
      std::pop_heap(classes_.begin(), classes_.end(), ranksBefore);
      classes_.pop_back();
    }
    classes_.push_back(i);
    std::push_heap(classes_.begin(), classes_.end(), ranksBefore);
  }
  std::sort(classes_.begin(), classes_.end());
  counts_.clear();
  for (const uint32_t id : classes_) counts_.push_back(count(id));
}

double FrequentClasses::rate(size_t place, double power) const {
  return std::pow(*std::min_element(counts_.begin(), counts_.end()) / counts_[place], power);
}

void FrequentClasses::observe(const Targets& targets, uint64_t update) {
  if (!gathers_) return;
  for (size_t u = 0; u < targets.numUnique(); u++) {
    gathered_[targets.unique()[u]] += targets.classPtr()[u + 1] - targets.classPtr()[u];
  }
  if ((update & (update - 1)) == 0) choose([&](size_t i) { return gathered_[i]; });
}

void FrequentClasses::archive(Archive& archive) {
  archive.record("shortlist", [&](ByteStream& stream) {
    uint8_t gathers = gathers_;
    stream.number(gathers);
    gathers_ = gathers != 0;
    stream.list(classes_);
    stream.list(counts_);
    classes_.reserve(size_);
    counts_.reserve(size_);
  });
  if (gathers_) archive.rows("shortlist.counts", gathered_.reserve(numClasses_), numClasses_, 1);
}

void FrequentClasses::checkRestored() const {
  bool rising = classes_.empty() || classes_.back() < numClasses_;
  for (size_t i = 1; i < classes_.size(); i++) rising = rising && classes_[i - 1] < classes_[i];
  ByteStream::require(rising && (counts_.empty() || counts_.size() == classes_.size()), "a shortlist that is none");
}

}  // namespace widehead
