#include "hashing/class_index.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <numeric>

#include "base/pool.h"
#include "kernels/kernels.h"

namespace widehead {
namespace {

constexpr size_t kChunk = 1024;  // rows hashed at a time
// Rows may grow this much beyond the longest one before all are hashed anew with another length.
constexpr float kGrowth = 1.25f;

std::unique_ptr<HashFamily> familyOf(const IndexSettings& settings) {
  HashSettings hash = settings.hash;
  hash.dimension += settings.augment;
  return makeHashFamily(hash);
}

// Widens n rows of d numbers to d + 1, in place, from the last row on.
template <class Last>
void appendColumn(float* rows, size_t n, size_t d, Last last) {
  for (size_t i = n; i-- > 0;) {
    std::copy_backward(rows + i * d, rows + (i + 1) * d, rows + i * (d + 1) + d);
    rows[i * (d + 1) + d] = last(rows + i * (d + 1));
  }
}

}  // namespace

ClassIndex::ClassIndex(const IndexSettings& settings, size_t numClasses, Gather gather)
    : settings_(settings), gather_(std::move(gather)), family_(familyOf(settings)),
      tables_(numClasses, settings.hash.tables, family_->buckets()), isTouched_(numClasses / 64 + 1) {
  hashAll();
}

void ClassIndex::touch(const uint32_t* ids, size_t n) {
  if (touched_.capacity() < touched_.size() + n)
    touched_.reserve(std::max(2 * touched_.capacity(), touched_.size() + n));
  for (size_t i = 0; i < n; i++) {
    uint64_t& word = isTouched_[ids[i] / 64];
    const uint64_t bit = uint64_t{1} << (ids[i] % 64);
    if (word & bit) continue;
    word |= bit;
    touched_.push_back(ids[i]);
  }
}

void ClassIndex::touchAll() {
  touched_.resize(tables_.numIds());
  std::iota(touched_.begin(), touched_.end(), 0u);
  std::fill_n(isTouched_.data(), isTouched_.size(), ~uint64_t{0});
}

void ClassIndex::hashRows(uint32_t* out, const uint32_t* ids, size_t n) {
  const size_t d = settings_.hash.dimension, dimension = family_->settings().dimension;
  float* rows = rows_.reserve(kChunk * dimension);
  for (size_t first = 0; first < n; first += kChunk) {
    const size_t count = std::min(kChunk, n - first);
    gather_(rows, ids + first, count);
    if (settings_.augment) {
      appendColumn(rows, count, d, [&](const float* row) {
        return std::sqrt(std::max(0.0f, longest_ * longest_ - kernels().dot(row, row, d)));
      });
    }
    family_->hash(out + first * tables_.tables(), rows, dimension, count, scratch_);
  }
}

double ClassIndex::longestRow() {
  const size_t d = settings_.hash.dimension;
  float longest = 0;
  for (size_t first = 0; first < touched_.size(); first += kChunk) {
    const size_t count = std::min(kChunk, touched_.size() - first);
    gather_(rows_.reserve(kChunk * (d + 1)), &touched_[first], count);
    for (size_t i = 0; i < count; i++) longest = std::max(longest, kernels().dot(&rows_[i * d], &rows_[i * d], d));
  }
  return std::sqrt(longest);
}

void ClassIndex::hashAll() {
  touchAll();
  if (settings_.augment) longest_ = static_cast<float>(longestRow());
  hashRows(tables_.codes(0), touched_.data(), touched_.size());
  tables_.rebuild();
  touched_.clear();
  std::fill_n(isTouched_.data(), isTouched_.size(), uint64_t{0});
}

void ClassIndex::hashTouched() {
  std::sort(touched_.begin(), touched_.end());
  uint32_t* fresh = fresh_.reserve(touched_.size() * tables_.tables());
  hashRows(fresh, touched_.data(), touched_.size());
  const size_t changed = tables_.move(touched_.data(), fresh, touched_.size(), settings_.rebuildShare);
  for (const uint32_t id : touched_) isTouched_[id / 64] = 0;
  touched_.clear();
  rebuilds_ += changed > 0 && tables_.movedShare() == 0;
}

void ClassIndex::refresh() noexcept {
  if (touched_.empty()) return;
  try {
    if (settings_.augment && longestRow() > kGrowth * longest_) {
      hashAll();
      rebuilds_++;
    } else {
      hashTouched();
    }
  } catch (const std::exception&) {
    // Out of memory: the old hashes are still those of the weights before.
  }
}

void ClassIndex::hash(uint32_t* out, const float* vectors, size_t m, HashScratch& scratch,
                      Buffer<float>& augmented) const {
  const size_t d = settings_.hash.dimension;
  if (settings_.augment) {
    std::copy_n(vectors, m * d, augmented.reserve(m * (d + 1)));
    appendColumn(augmented.data(), m, d, [](const float*) { return 0.0f; });
    vectors = augmented.data();
  }
  family_->hash(out, vectors, family_->settings().dimension, m, scratch);
}

size_t ClassIndex::bytes() const {
  return tables_.bytes() + isTouched_.bytes() + touched_.capacity() * sizeof(uint32_t) + rows_.bytes() + fresh_.bytes();
}

// Streamed, all of it, because every rank has its own.
void ClassIndex::archive(Archive& archive) {
  relaid_ = archive.relaid();
  if (relaid_) return;
  archive.rows("index.longest", &longest_, 1, 1);
  archive.rows("index.rebuilds", &rebuilds_, 1, 1);
  archive.rows("index.changed", isTouched_.data(), isTouched_.size(), 1);
  tables_.archive(archive);
}

void ClassIndex::checkRestored() {
  if (relaid_) return hashAll();
  touched_.clear();
  for (uint32_t id = 0; id < tables_.numIds(); id++) {
    if (isTouched_[id / 64] >> (id % 64) & 1) touched_.push_back(id);
  }
  tables_.checkRestored();
}

}  // namespace widehead
