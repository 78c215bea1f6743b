#include "heads/lsh_softmax_head.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"

namespace widehead {

// The codes of a class are known: nothing is hashed. Of several true classes one is drawn, as in the published code.
size_t LshSampledSoftmaxHead::queryLabels(Retrieval& retrieval, const Pass& pass) const {
  const Targets& targets = pass.targets;
  const uint64_t seed = stepSeed(2);
  std::vector<uint32_t> labels;  // one a query
  retrieval.queryOf.assign(pass.m, Retrieval::kNoQuery);
  for (size_t j = 0; j < pass.m; j++) {
    const size_t begin = targets.indptr()[j], count = targets.indptr()[j + 1] - begin;
    if (count == 0) continue;
    retrieval.queryOf[j] = static_cast<uint32_t>(labels.size());
    labels.push_back(targets.unique()[targets.slot(begin + randomBits(seed, j) % count)]);
  }
  copyCodes(retrieval.buckets.reserve(pass.m * index_.tables().tables()), labels);
  return labels.size();
}

// Among several ranks those of each rank's classes, one rank after the other, are sent to all.
void LshSampledSoftmaxHead::copyCodes(uint32_t* out, const std::vector<uint32_t>& labels) const {
  const size_t tables = index_.tables().tables();
  const Shard& shard = table_.shard();
  std::vector<size_t> next(shard.size + 1), ends(shard.size), places(labels.size());
  for (const uint32_t label : labels) next[shard.ownerOf(label) + 1]++;
  for (size_t r = 0; r < shard.size; r++) {
    next[r + 1] += next[r];
    ends[r] = next[r + 1] * tables * sizeof(uint32_t);
  }
  std::vector<uint32_t> codes(labels.size() * tables);
  for (size_t i = 0; i < labels.size(); i++) {
    places[i] = next[shard.ownerOf(labels[i])]++;
    if (!shard.owns(labels[i])) continue;
    std::copy_n(index_.tables().codes(shard.rowOf(labels[i])), tables, &codes[places[i] * tables]);
  }
  if (communicator() != nullptr) communicator()->allGather(codes.data(), ends);
  for (size_t i = 0; i < labels.size(); i++) std::copy_n(&codes[places[i] * tables], tables, out + i * tables);
}

void LshSampledSoftmaxHead::choose(Candidates& candidates, const Pass& base) const {
  const size_t samples = shareOf(settings_.samples);
  candidates.all = samples >= shareOf(config_.numClasses);
  if (candidates.all) return;
  const auto& pass = static_cast<const HashedPass&>(base);
  Retrieval& retrieval = pass.retrieval;
  size_t queries = pass.m;
  if (settings_.labelQuery) {
    queries = queryLabels(retrieval, pass);
  } else {
    queryHidden(retrieval, pass);
  }
  const size_t retrieved = settings_.correction ? samples / 2 : samples;
  // Lists overlap: an example offers some times its share of the union, so that the union is full.
  const size_t share = 4 * (retrieved / std::max<size_t>(1, queries)) + 16;
  const size_t keep = settings_.perExample ? retrieved : std::min(std::max<size_t>(retrieved, 1), share);
  retrieval.query.untilEnough(index_.tables(), retrieval.buckets.data(), queries,
                              {keep, settings_.bucketLimit, ownSeed(1)});
  if (settings_.perExample) return ownCandidates(candidates, retrieval, pass, samples);
  const std::vector<uint32_t>& targets = pass.targets.ownRows();
  retrieval.extra = retrieval.query.unite(retrieved, targets.data(), targets.size(), table_.rows());
  addUniform(candidates, retrieval, pass, samples);
}

void LshSampledSoftmaxHead::addUniform(Candidates& candidates, Retrieval& retrieval, const Pass& pass,
                                       size_t samples) const {
  const std::vector<uint32_t>& targets = pass.targets.ownRows();
  std::vector<uint32_t>& extra = retrieval.extra;
  const size_t found = extra.size(), sure = found + targets.size();
  retrieval.seen.start(sure + samples, table_.rows());
  for (const uint32_t id : targets) retrieval.seen.add(id);
  for (const uint32_t id : extra) retrieval.seen.add(id);
  drawOthers(extra, retrieval.seen, samples - found, table_.rows(), ownSeed(3));
  const size_t drawn = extra.size() - found;
  if (!settings_.correction || drawn == 0 || sure + drawn == table_.rows()) {
    return shareCandidates(candidates, retrieval, pass);
  }
  const float logP =
      static_cast<float>(std::log(static_cast<double>(drawn) / static_cast<double>(table_.rows() - sure)));
  std::vector<uint32_t> uniform(extra.begin() + static_cast<ptrdiff_t>(found), extra.end());
  std::sort(uniform.begin(), uniform.end());
  shareCandidates(candidates, retrieval, pass);
  candidates.correction.resize(candidates.rows.size());
  for (size_t i = 0, u = 0; i < candidates.rows.size(); i++) {
    const bool isDrawn = u < uniform.size() && uniform[u] == candidates.rows[i];
    candidates.correction[i] = isDrawn ? logP : 0;
    u += isDrawn;
  }
}

}  // namespace widehead
