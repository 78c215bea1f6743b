#include "heads/targets.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "base/error.h"

namespace widehead {

namespace {

constexpr size_t kFew = 32;

uint32_t placeOf(uint64_t key) { return static_cast<uint32_t>(key); }

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
        outOfRange("targets.indptr must not fall nor pass the " + std::to_string(input.count) +
                   " indices, got indptr[" + std::to_string(j + 1) + "] = " + shownPlace(input.indptr[j + 1]) +
                   " after " + shownPlace(input.indptr[j]));
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
                 std::to_string(numClasses - 1) + ", got " + shownId(input.indices[k]) + " at index " +
                 std::to_string(k));
    }
    if (input.values != nullptr && !std::isfinite(input.values[k])) {
      outOfRange("targets.values must be finite, got " + shown(input.values[k]) + " at index " + std::to_string(k));
    }
  }
}

void Targets::assign(const TargetsInput& input, size_t numClasses, const Shard& shard) {
  check(input, numClasses);
  listEntries(input);
  sortKeys(input.indices, input.count, numClasses);
  if (input.indptr != nullptr && repeats()) mergeDuplicates();
  groupByClass();
  findOwn(shard);
}

// Every entry as it came, with its example.
void Targets::listEntries(const TargetsInput& input) {
  indptr_.resize(input.m + 1);
  exampleOf_.resize(input.count);
  if (input.indptr == nullptr) {
    std::iota(indptr_.begin(), indptr_.end(), 0u);
    std::iota(exampleOf_.begin(), exampleOf_.end(), 0u);
  } else {
    std::copy_n(input.indptr, input.m + 1, indptr_.begin());
    for (size_t j = 0; j < input.m; j++) {
      std::fill(exampleOf_.begin() + indptr_[j], exampleOf_.begin() + indptr_[j + 1], static_cast<uint32_t>(j));
    }
  }
  if (input.values == nullptr) {
    values_.assign(input.count, 1.0f);
  } else {
    values_.assign(input.values, input.values + input.count);
  }
}

// keys_ = (class, place) in rising order. Places rise as they come, so that sorting by class in a stable way is enough: a
// byte at a time for many, by insertion for a few.
void Targets::sortKeys(const uint32_t* classes, size_t count, size_t numClasses) {
  keys_.resize(count);
  for (size_t k = 0; k < count; k++) keys_[k] = static_cast<uint64_t>(classes[k]) << 32 | k;
  if (count <= kFew) {
    std::sort(keys_.begin(), keys_.end());
    return;
  }
  sorted_.resize(count);
  for (int shift = 32; (numClasses - 1) >> (shift - 32) > 0; shift += 8) {
    uint32_t next[256] = {};
    for (const uint64_t key : keys_) next[key >> shift & 255]++;
    uint32_t place = 0;
    for (uint32_t& start : next) place += std::exchange(start, place);
    for (const uint64_t key : keys_) sorted_[next[key >> shift & 255]++] = key;
    keys_.swap(sorted_);
  }
}

// Entries of one class are neighbours in keys_ and their places rise, and so do their examples: a duplicate inside an example
// follows the entry it repeats.
bool Targets::repeatsPrevious(size_t i) const {
  return keys_[i - 1] >> 32 == keys_[i] >> 32 && exampleOf_[placeOf(keys_[i - 1])] == exampleOf_[placeOf(keys_[i])];
}

bool Targets::repeats() const {
  for (size_t i = 1; i < keys_.size(); i++) {
    if (repeatsPrevious(i)) return true;
  }
  return false;
}

void Targets::mergeDuplicates() {
  const size_t count = keys_.size();
  std::vector<uint32_t>& target = slot_;  // the place that place k is merged into, then its place without duplicates
  target.resize(count);
  for (size_t i = 0; i < count; i++) {
    const uint32_t place = placeOf(keys_[i]);
    target[place] = i > 0 && repeatsPrevious(i) ? target[placeOf(keys_[i - 1])] : place;
  }
  for (size_t k = 0; k < count; k++) {
    if (target[k] != k) values_[target[k]] += values_[k];
  }
  keys_.erase(
      std::remove_if(keys_.begin(), keys_.end(), [&](uint64_t key) { return target[placeOf(key)] != placeOf(key); }),
      keys_.end());
  indptr_.assign(indptr_.size(), 0);
  uint32_t kept = 0;
  for (uint32_t k = 0; k < count; k++) {
    if (target[k] != k) continue;
    values_[kept] = values_[k];
    exampleOf_[kept] = exampleOf_[k];
    indptr_[exampleOf_[k] + 1]++;
    target[k] = kept++;
  }
  values_.resize(kept);
  exampleOf_.resize(kept);
  std::partial_sum(indptr_.begin(), indptr_.end(), indptr_.begin());
  for (uint64_t& key : keys_) key = key >> 32 << 32 | target[placeOf(key)];
}

void Targets::groupByClass() {
  const size_t count = keys_.size();
  unique_.clear();
  classPtr_.clear();
  slot_.resize(count);
  byClass_.resize(count);
  for (size_t i = 0; i < count; i++) {
    const uint32_t id = static_cast<uint32_t>(keys_[i] >> 32), k = placeOf(keys_[i]);
    if (unique_.empty() || unique_.back() != id) {
      unique_.push_back(id);
      classPtr_.push_back(static_cast<uint32_t>(i));
    }
    byClass_[i] = k;
    slot_[k] = static_cast<uint32_t>(unique_.size() - 1);
  }
  classPtr_.push_back(static_cast<uint32_t>(count));
}

void Targets::findOwn(const Shard& shard) {
  own_.clear();
  ownRows_.clear();
  for (size_t u = 0; u < unique_.size(); u++) {
    if (!shard.owns(unique_[u])) continue;
    own_.push_back(static_cast<uint32_t>(u));
    ownRows_.push_back(shard.rowOf(unique_[u]));
  }
}

}  // namespace widehead
