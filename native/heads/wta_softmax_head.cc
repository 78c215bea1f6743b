#include "heads/wta_softmax_head.h"

namespace widehead {

void WtaSoftmaxHead::choose(Candidates& candidates, const Pass& base) const {
  candidates.all = settings_.candidates >= config_.numClasses;
  if (candidates.all) return;
  const auto& pass = static_cast<const HashedPass&>(base);
  Retrieval& retrieval = pass.retrieval;
  queryHidden(retrieval, pass);
  retrieval.query.byCount(index_.tables(), retrieval.buckets.data(), pass.m,
                          {settings_.candidates, settings_.bucketLimit, stepSeed(1)});
  if (settings_.perExample) return ownCandidates(candidates, retrieval, pass, 0);
  const std::vector<uint32_t>& targets = pass.targets.unique();
  retrieval.extra = retrieval.query.unite(settings_.unionLimit, targets.data(), targets.size(), config_.numClasses);
  shareCandidates(candidates, retrieval, pass);
}

}  // namespace widehead
