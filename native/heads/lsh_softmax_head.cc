#include "heads/lsh_softmax_head.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"

namespace widehead {

// The codes of a class are known: nothing is hashed. Of several true classes one is drawn, as in the published code.
size_t LshSampledSoftmaxHead::queryLabels(Retrieval& retrieval, const Pass& pass) const {
  const Targets& targets = pass.targets;
  const size_t tables = index_.tables().tables();
  const uint64_t seed = stepSeed(2);
  retrieval.buckets.reserve(pass.m * tables);
  retrieval.queryOf.assign(pass.m, Retrieval::kNoQuery);
  uint32_t queries = 0;
  for (size_t j = 0; j < pass.m; j++) {
    const size_t begin = targets.indptr()[j], count = targets.indptr()[j + 1] - begin;
    if (count == 0) continue;
    const uint32_t label = targets.unique()[targets.slot(begin + randomBits(seed, j) % count)];
    std::copy_n(index_.tables().codes(label), tables, &retrieval.buckets[queries * tables]);
    retrieval.queryOf[j] = queries++;
  }
  return queries;
}

void LshSampledSoftmaxHead::choose(Candidates& candidates, const Pass& base) const {
  candidates.all = settings_.samples >= config_.numClasses;
  if (candidates.all) return;
  const auto& pass = static_cast<const HashedPass&>(base);
  Retrieval& retrieval = pass.retrieval;
  size_t queries = pass.m;
  if (settings_.labelQuery) {
    queries = queryLabels(retrieval, pass);
  } else {
    queryHidden(retrieval, pass);
  }
  const size_t retrieved = settings_.correction ? settings_.samples / 2 : settings_.samples;
  // Lists overlap: an example offers some times its share of the union, so that the union is full.
  const size_t share = 4 * (retrieved / std::max<size_t>(1, queries)) + 16;
  const size_t keep = settings_.perExample ? retrieved : std::min(std::max<size_t>(retrieved, 1), share);
  retrieval.query.untilEnough(index_.tables(), retrieval.buckets.data(), queries,
                              {keep, settings_.bucketLimit, stepSeed(1)});
  if (settings_.perExample) return ownCandidates(candidates, retrieval, pass, settings_.samples);
  const std::vector<uint32_t>& targets = pass.targets.unique();
  retrieval.extra = retrieval.query.unite(retrieved, targets.data(), targets.size(), config_.numClasses);
  addUniform(candidates, retrieval, pass);
}

void LshSampledSoftmaxHead::addUniform(Candidates& candidates, Retrieval& retrieval, const Pass& pass) const {
  const std::vector<uint32_t>& targets = pass.targets.unique();
  std::vector<uint32_t>& extra = retrieval.extra;
  const size_t found = extra.size(), sure = found + targets.size();
  retrieval.seen.start(sure + settings_.samples, config_.numClasses);
  for (const uint32_t id : targets) retrieval.seen.add(id);
  for (const uint32_t id : extra) retrieval.seen.add(id);
  drawOthers(extra, retrieval.seen, settings_.samples - found, config_.numClasses, stepSeed(3));
  const size_t drawn = extra.size() - found;
  if (!settings_.correction || drawn == 0 || sure + drawn == config_.numClasses) {
    return shareCandidates(candidates, retrieval, pass);
  }
  const float logP =
      static_cast<float>(std::log(static_cast<double>(drawn) / static_cast<double>(config_.numClasses - sure)));
  std::vector<uint32_t> uniform(extra.begin() + static_cast<ptrdiff_t>(found), extra.end());
  std::sort(uniform.begin(), uniform.end());
  shareCandidates(candidates, retrieval, pass);
  candidates.correction.resize(candidates.classes.size());
  for (size_t i = 0, u = 0; i < candidates.classes.size(); i++) {
    const bool isDrawn = u < uniform.size() && uniform[u] == candidates.classes[i];
    candidates.correction[i] = isDrawn ? logP : 0;
    u += isDrawn;
  }
}

}  // namespace widehead
