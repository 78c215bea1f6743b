#include "heads/targets.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace widehead {

namespace {

[[noreturn]] void outOfRange(const std::string& message) {
  throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE", message);
}

// Signed and unsigned numbers arrive as the same 32 bits.
std::string shownAs(bool isSigned, uint32_t value) {
  return isSigned ? std::to_string(static_cast<int32_t>(value)) : std::to_string(value);
}

}  // namespace

void Targets::check(const TargetsInput& input, size_t numClasses) const {
  const auto shownId = [&](uint32_t id) { return shownAs(input.signedIds, id); };
  if (input.indptr != nullptr) {
    const auto shownPlace = [&](uint32_t place) { return shownAs(input.signedIndptr, place); };
    if (input.indptr[0] != 0) outOfRange("targets.indptr[0] must be 0, got " + shownPlace(input.indptr[0]));
    for (size_t j = 0; j < input.m; j++) {
      if (input.indptr[j + 1] < input.indptr[j] || input.indptr[j + 1] > input.count) {
        outOfRange("targets.indptr must not fall nor pass the " + std::to_string(input.count) + " indices, got indptr[" +
                   std::to_string(j + 1) + "] = " + shownPlace(input.indptr[j + 1]) + " after " + shownPlace(input.indptr[j]));
      }
    }
    if (input.indptr[input.m] != input.count) {
      outOfRange("targets.indptr must end with the number of indices, " + std::to_string(input.count) + ", got " +
                 shownPlace(input.indptr[input.m]));
    }
  }
  for (size_t k = 0; k < input.count; k++) {
    if (input.indices[k] >= numClasses) {
      outOfRange(std::string(input.indptr ? "targets.indices" : "targets") + " must be class ids from 0 to " +
                 std::to_string(numClasses - 1) + ", got " + shownId(input.indices[k]) + " at index " + std::to_string(k));
    }
    if (input.values != nullptr && !std::isfinite(input.values[k])) {
      outOfRange("targets.values must be finite, got " + shown(input.values[k]) + " at index " + std::to_string(k));
    }
  }
}

void Targets::assign(const TargetsInput& input, size_t numClasses) {
  check(input, numClasses);
  keys_.resize(input.count);
  for (size_t k = 0; k < input.count; k++) keys_[k] = static_cast<uint64_t>(input.indices[k]) << 32 | k;
  std::sort(keys_.begin(), keys_.end());
  mergeDuplicates(input);
  groupByClass();
}

void Targets::mergeDuplicates(const TargetsInput& input) {
  // Places of one class are neighbours in keys_ and rise, and so do their examples: a duplicate inside an example follows
  // the entry it repeats.
  std::vector<uint32_t>& firstOf = slot_;  // the place that place k is merged into
  firstOf.resize(input.count);
  exampleOf_.resize(input.count);
  for (size_t j = 0; j < input.m; j++) {
    const size_t begin = input.indptr ? input.indptr[j] : j, end = input.indptr ? input.indptr[j + 1] : j + 1;
    for (size_t k = begin; k < end; k++) exampleOf_[k] = static_cast<uint32_t>(j);
  }
  for (size_t i = 0; i < keys_.size(); i++) {
    const uint32_t place = static_cast<uint32_t>(keys_[i]);
    const uint32_t previous = i > 0 ? static_cast<uint32_t>(keys_[i - 1]) : 0;
    const bool repeats = i > 0 && keys_[i - 1] >> 32 == keys_[i] >> 32 && exampleOf_[previous] == exampleOf_[place];
    firstOf[place] = repeats ? firstOf[previous] : place;
  }
  values_.resize(input.count);
  for (size_t k = 0; k < input.count; k++) values_[k] = input.values ? input.values[k] : 1.0f;
  for (size_t k = 0; k < input.count; k++) {
    if (firstOf[k] != k) values_[firstOf[k]] += values_[k];
  }
  classOf_.clear();
  indptr_.assign(input.m + 1, 0);
  size_t kept = 0;
  for (size_t k = 0; k < input.count; k++) {
    if (firstOf[k] != k) continue;
    classOf_.push_back(input.indices[k]);
    values_[kept] = values_[k];
    exampleOf_[kept++] = exampleOf_[k];
    indptr_[exampleOf_[k] + 1]++;
  }
  values_.resize(kept);
  exampleOf_.resize(kept);
  for (size_t j = 0; j < input.m; j++) indptr_[j + 1] += indptr_[j];
}

void Targets::groupByClass() {
  const size_t count = classOf_.size();
  keys_.resize(count);
  for (size_t k = 0; k < count; k++) keys_[k] = static_cast<uint64_t>(classOf_[k]) << 32 | k;
  std::sort(keys_.begin(), keys_.end());
  unique_.clear();
  classPtr_.clear();
  slot_.resize(count);
  byClass_.resize(count);
  for (size_t i = 0; i < count; i++) {
    const uint32_t id = static_cast<uint32_t>(keys_[i] >> 32), k = static_cast<uint32_t>(keys_[i]);
    if (unique_.empty() || unique_.back() != id) {
      unique_.push_back(id);
      classPtr_.push_back(static_cast<uint32_t>(i));
    }
    byClass_[i] = k;
    slot_[k] = static_cast<uint32_t>(unique_.size() - 1);
  }
  classPtr_.push_back(static_cast<uint32_t>(count));
}

}  // namespace widehead
