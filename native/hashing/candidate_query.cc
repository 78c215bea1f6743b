#include "hashing/candidate_query.h"

#include <algorithm>
#include <atomic>

#include "base/pool.h"
#include "base/rng.h"

namespace widehead {
namespace {

constexpr size_t kAhead = 4;  // tables

// Where to begin in a bucket of which only `limit` ids are looked at.
size_t startIn(const HashTables& tables, size_t table, uint32_t bucket, size_t limit, uint64_t seed) {
  const size_t size = tables.sortedSize(table, bucket);
  return size <= limit ? 0 : randomBelow(seed, table * tables.buckets() + bucket, size);
}

}  // namespace

void CandidateQuery::countIds(const HashTables& tables, const uint32_t* buckets, size_t, const QuerySettings& settings,
                              Scratch& scratch) {
  const size_t count = tables.tables();
  for (size_t t = 0; t < count; t++) tables.prefetchOffsets(t, buckets[t]);
  for (size_t t = 0; t < std::min(kAhead, count); t++) tables.prefetch(t, buckets[t]);
  for (size_t t = 0; t < count; t++) {
    if (t + kAhead < count) tables.prefetch(t + kAhead, buckets[t + kAhead]);
    size_t left = settings.bucketLimit;
    const size_t start = startIn(tables, t, buckets[t], settings.bucketLimit, settings.seed);
    const auto add = [&](uint32_t id) {
      scratch.counter.add(id);
      return --left > 0;
    };
    tables.visit(t, buckets[t], start, add, [&](uint32_t id) { scratch.counter.prefetch(id); });
  }
}

void CandidateQuery::findIds(const HashTables& tables, const uint32_t* buckets, size_t example,
                             const QuerySettings& settings, Scratch& scratch) {
  const size_t first = randomBelow(~settings.seed, example, tables.tables());
  for (size_t i = 0; i < tables.tables() && scratch.counter.size() < settings.keep; i++) {
    const size_t t = (first + i) % tables.tables();
    size_t left = settings.bucketLimit;
    // Enough may be had before the bucket's end, so that the place to begin is drawn even if its length is within the limit.
    const size_t start = startIn(tables, t, buckets[t], std::min(settings.keep, settings.bucketLimit), settings.seed);
    const auto add = [&](uint32_t id) {
      scratch.counter.add(id);
      return --left > 0 && scratch.counter.size() < settings.keep;
    };
    tables.visit(t, buckets[t], start, add, [&](uint32_t id) { scratch.counter.prefetch(id); });
  }
}

// The `keep` best of the counter's ids as (tables - count, id), rising. First the lowest count that still gets in is found,
// so that only what is kept is sorted.
size_t CandidateQuery::rank(Scratch& scratch, size_t keep, size_t tables) {
  const IdCounter& counter = scratch.counter;
  uint32_t* withCount = scratch.withCount.zeros(tables + 1);
  for (size_t i = 0; i < counter.size(); i++) withCount[counter.count(i)]++;
  size_t lowest = tables, above = 0;
  while (lowest > 1 && above + withCount[lowest] < keep) above += withCount[lowest--];
  size_t size = 0;
  uint64_t* ranked = scratch.ranked.data();
  for (size_t i = 0; i < counter.size(); i++) {
    if (counter.count(i) >= lowest) ranked[size++] = uint64_t{tables - counter.count(i)} << 32 | counter.id(i);
  }
  if (size > keep) {
    std::nth_element(ranked, ranked + keep, ranked + size);
    size = keep;
  }
  std::sort(ranked, ranked + size);
  return size;
}

void CandidateQuery::searchAll(const HashTables& tables, const uint32_t* buckets, size_t m,
                               const QuerySettings& settings, Search search, size_t mostFound) {
  keep_ = settings.keep;
  m_ = m;
  ids_.reserve(m * keep_);
  sizes_.assign(m, 0);
  if (scratch_.size() < teamThreads()) scratch_.resize(teamThreads());
  for (Scratch& scratch : scratch_) {
    scratch.counter.start(mostFound, tables.numIds());
    scratch.ranked.reserve(mostFound);
    scratch.withCount.reserve(tables.tables() + 1);
  }
  const bool counted = search == countIds;
  std::atomic<size_t> next{0};
  parallelFor(m, 1, [&](size_t begin, size_t end) {
    Scratch& scratch = scratch_[next.fetch_add(1)];
    for (size_t j = begin; j < end; j++) {
      scratch.counter.start(mostFound, tables.numIds());
      search(tables, buckets + j * tables.tables(), j, settings, scratch);
      uint32_t* out = &ids_[j * keep_];
      if (counted) {
        sizes_[j] = rank(scratch, keep_, tables.tables());
        for (size_t i = 0; i < sizes_[j]; i++) out[i] = static_cast<uint32_t>(scratch.ranked[i]);
      } else {
        sizes_[j] = scratch.counter.size();
        for (size_t i = 0; i < sizes_[j]; i++) out[i] = scratch.counter.id(i);
      }
    }
  });
}

void CandidateQuery::byCount(const HashTables& tables, const uint32_t* buckets, size_t m, const QuerySettings& settings) {
  const size_t perBucket = std::min(settings.bucketLimit, tables.numIds());
  searchAll(tables, buckets, m, settings, countIds, std::min(tables.numIds(), perBucket * tables.tables()));
}

void CandidateQuery::untilEnough(const HashTables& tables, const uint32_t* buckets, size_t m,
                                 const QuerySettings& settings) {
  searchAll(tables, buckets, m, settings, findIds, std::min(tables.numIds(), settings.keep));
}

const std::vector<uint32_t>& CandidateQuery::unite(size_t limit, const uint32_t* known, size_t count, size_t numIds) {
  united_.clear();
  seen_.start(limit + count, numIds);
  for (size_t i = 0; i < count; i++) seen_.add(known[i]);
  size_t longest = 0;
  for (size_t j = 0; j < m_; j++) longest = std::max(longest, sizes_[j]);
  for (size_t rank = 0; rank < longest; rank++) {
    for (size_t j = 0; j < m_; j++) {
      if (rank >= sizes_[j]) continue;
      if (united_.size() == limit) return united_;
      const uint32_t id = ids(j)[rank];
      if (seen_.add(id) == 1) united_.push_back(id);
    }
  }
  return united_;
}

size_t CandidateQuery::bytes() const {
  size_t scratch = 0;
  for (const Scratch& each : scratch_) scratch += each.counter.bytes() + each.ranked.bytes() + each.withCount.bytes();
  return ids_.bytes() + sizes_.capacity() * sizeof(size_t) + scratch + seen_.bytes() +
         united_.capacity() * sizeof(uint32_t);
}

}  // namespace widehead
