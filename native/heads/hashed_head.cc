#include "heads/hashed_head.h"

#include <algorithm>
#include <numeric>

#include "base/pool.h"
#include "base/rng.h"
#include "kernels/kernels.h"

namespace widehead {

namespace {

constexpr uint64_t kSearchSeed = 0;  // where a search without a step begins in buckets that are too long

}  // namespace

void drawOthers(std::vector<uint32_t>& out, IdCounter& seen, size_t count, size_t numIds, uint64_t seed) {
  const size_t left = numIds - seen.size();
  count = std::min(count, left);
  if (2 * count < left) {
    // Most draws are new ones.
    for (uint64_t i = 0; count > 0; i++) {
      const uint32_t id = static_cast<uint32_t>(randomBelow(seed, i, numIds));
      if (seen.add(id) > 1) continue;
      out.push_back(id);
      count--;
    }
    return;
  }
  std::vector<uint32_t> others;
  others.reserve(left);
  for (uint32_t id = 0; id < numIds; id++) {
    if (!seen.has(id)) others.push_back(id);
  }
  for (size_t i = 0; i < count; i++) std::swap(others[i], others[i + randomBelow(seed, i, left - i)]);
  out.insert(out.end(), others.begin(), others.begin() + static_cast<ptrdiff_t>(count));
}

HashedHead::HashedHead(const HeadConfig& config, const InitConfig& init, const OptimizerSettings& optimizer,
                       const HashedSettings& settings)
    : CandidateHead(config, init, optimizer), hashed_(settings),
      index_(settings.index, table_.rows(),
             [this](float* out, const uint32_t* ids, size_t n) { table_.gather(out, ids, n); }) {}

double HashedHead::apply(Pass& base, const ApplyOptions& options) {
  const auto& pass = static_cast<const HashedPass&>(base);
  const Candidates& candidates = pass.softmax.candidates;
  if (candidates.all) {
    index_.touchAll();
  } else {
    index_.touch(candidates.rows.data(), candidates.rows.size());
  }
  const double norm = CandidateHead::apply(base, options);
  if (version_ % hashed_.rehashEvery == 0) index_.refresh();
  return norm;
}

uint64_t HashedHead::stepSeed(uint64_t purpose) const { return randomBits(hashed_.seed ^ purpose << 56, version_); }

uint64_t HashedHead::ownSeed(uint64_t purpose) const {
  const size_t rank = table_.shard().rank;
  return rank == 0 ? stepSeed(purpose) : randomBits(stepSeed(purpose), rank);
}

void HashedHead::queryHidden(Retrieval& retrieval, const Pass& pass) const {
  const size_t tables = index_.tables().tables();
  index_.hash(retrieval.buckets.reserve(pass.m * tables), pass.hidden.data(), pass.m, retrieval.hash,
              retrieval.augmented);
  retrieval.queryOf.resize(pass.m);
  std::iota(retrieval.queryOf.begin(), retrieval.queryOf.end(), 0u);
}

void HashedHead::shareCandidates(Candidates& candidates, const Retrieval& retrieval, const Pass& pass) const {
  candidates.rows = pass.targets.ownRows();
  candidates.rows.insert(candidates.rows.end(), retrieval.extra.begin(), retrieval.extra.end());
  std::sort(candidates.rows.begin(), candidates.rows.end());
  candidates.correction.clear();
  candidates.indptr.clear();
  candidates.places.clear();
}

void HashedHead::ownCandidates(Candidates& candidates, Retrieval& retrieval, const Pass& pass, size_t atLeast) const {
  const Targets& targets = pass.targets;
  const std::vector<uint32_t>&slots = targets.own(), &rows = targets.ownRows();
  std::vector<uint32_t>& own = candidates.places;  // rows at first, then their places
  own.clear();
  candidates.indptr.assign(1, 0);
  for (size_t j = 0; j < pass.m; j++) {
    const size_t begin = own.size(), most = targets.indptr()[j + 1] - targets.indptr()[j];
    const uint32_t query = retrieval.queryOf[j];
    const size_t found = query == Retrieval::kNoQuery ? 0 : retrieval.query.size(query);
    retrieval.seen.start(most + found + atLeast, table_.rows());
    for (size_t k = targets.indptr()[j]; k < targets.indptr()[j + 1]; k++) {
      const auto slot = std::lower_bound(slots.begin(), slots.end(), targets.slot(k));
      if (slot == slots.end() || *slot != targets.slot(k)) continue;
      own.push_back(rows[static_cast<size_t>(slot - slots.begin())]);
      retrieval.seen.add(own.back());
    }
    const size_t labels = own.size() - begin;
    for (size_t i = 0; i < found; i++) {
      const uint32_t id = retrieval.query.ids(query)[i];
      if (retrieval.seen.add(id) == 1) own.push_back(id);
    }
    const size_t others = own.size() - begin - labels;
    if (others < atLeast) drawOthers(own, retrieval.seen, atLeast - others, table_.rows(), ownSeed(3) + j);
    std::sort(own.begin() + static_cast<ptrdiff_t>(begin), own.end());
    candidates.indptr.push_back(static_cast<uint32_t>(own.size()));
  }
  candidates.rows = own;
  std::sort(candidates.rows.begin(), candidates.rows.end());
  candidates.rows.erase(std::unique(candidates.rows.begin(), candidates.rows.end()), candidates.rows.end());
  candidates.correction.clear();
  parallelFor(own.size(), 4096, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      const auto found = std::lower_bound(candidates.rows.begin(), candidates.rows.end(), own[i]);
      own[i] = static_cast<uint32_t>(found - candidates.rows.begin());
    }
  });
}

void HashedHead::searchTopK(int32_t* classes, float* logits, const float* hidden, size_t m, size_t k,
                            size_t candidates) const {
  const size_t n = features(), d = config_.hiddenSize;
  Retrieval retrieval;
  Buffer<float> vectors(m * n);
  for (size_t j = 0; j < m; j++) {
    std::copy_n(hidden + j * d, d, &vectors[j * n]);
    if (config_.bias) vectors[j * n + d] = 1;
  }
  retrieval.buckets.reserve(m * index_.tables().tables());
  index_.hash(retrieval.buckets.data(), vectors.data(), m, retrieval.hash, retrieval.augmented);
  retrieval.query.byCount(index_.tables(), retrieval.buckets.data(), m, {candidates, hashed_.bucketLimit, kSearchSeed});

  Buffer<std::pair<float, uint32_t>> scored(m * candidates);
  parallelFor(m, 1, [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) {
      const size_t found = retrieval.query.size(j), best = std::min(k, found);
      std::pair<float, uint32_t>* own = &scored[j * candidates];
      for (size_t i = 0; i < found; i++) {
        const uint32_t id = retrieval.query.ids(j)[i];
        own[i] = {kernels().dot(&vectors[j * n], table_.row(id), n), id};
      }
      std::partial_sort(own, own + best, own + found, [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
      });
      for (size_t i = 0; i < best; i++) {
        logits[j * k + i] = own[i].first;
        classes[j * k + i] = static_cast<int32_t>(own[i].second);
      }
    }
  });
  searchExactly(retrieval.query, classes, logits, hidden, m, k);
}

void HashedHead::searchExactly(const CandidateQuery& query, int32_t* classes, float* logits, const float* hidden,
                               size_t m, size_t k) const {
  const size_t d = config_.hiddenSize;
  std::vector<size_t> rest;
  for (size_t j = 0; j < m; j++) {
    if (query.size(j) < k) rest.push_back(j);
  }
  if (rest.empty()) return;
  std::vector<float> vectors(rest.size() * d), best(rest.size() * k);
  std::vector<int32_t> ids(rest.size() * k);
  for (size_t i = 0; i < rest.size(); i++) std::copy_n(hidden + rest[i] * d, d, &vectors[i * d]);
  topK(ids.data(), best.data(), vectors.data(), rest.size(), k, false);
  for (size_t i = 0; i < rest.size(); i++) {
    std::copy_n(&ids[i * k], k, classes + rest[i] * k);
    std::copy_n(&best[i * k], k, logits + rest[i] * k);
  }
}

std::map<std::string, double> HashedHead::diagnostics() const {
  std::map<std::string, double> facts = CandidateHead::diagnostics();
  facts["tableBytes"] = static_cast<double>(index_.bytes());
  facts["rowsBehind"] = static_cast<double>(index_.touched());
  facts["movedShare"] = index_.tables().movedShare();
  facts["rebuilds"] = static_cast<double>(index_.rebuilds());
  return facts;
}

void HashedHead::archive(Archive& archive) {
  CandidateHead::archive(archive);
  index_.archive(archive);
}

}  // namespace widehead
