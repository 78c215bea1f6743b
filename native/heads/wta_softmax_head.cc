#include "heads/wta_softmax_head.h"

namespace widehead {

void WtaSoftmaxHead::choose(Candidates& candidates, const Pass& base) const {
  const size_t keep = shareOf(settings_.candidates);
  candidates.all = keep >= shareOf(config_.numClasses);
  if (candidates.all) return;
  const auto& pass = static_cast<const HashedPass&>(base);
  Retrieval& retrieval = pass.retrieval;
  queryHidden(retrieval, pass);
  retrieval.query.byCount(index_.tables(), retrieval.buckets.data(), pass.m, {keep, settings_.bucketLimit, ownSeed(1)});
  if (settings_.perExample) return ownCandidates(candidates, retrieval, pass, 0);
  const std::vector<uint32_t>& targets = pass.targets.ownRows();
  retrieval.extra = retrieval.query.unite(shareOf(settings_.unionLimit), targets.data(), targets.size(), table_.rows());
  shareCandidates(candidates, retrieval, pass);
}

}  // namespace widehead
