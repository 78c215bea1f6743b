#include "heads/bulk_pass.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace widehead {

void BulkPass::takeApart(size_t numClasses) {
  std::swap(targets, given);
  sharedTargetPtr.assign(1, 0);
  sharedTargets.clear();
  ownPtr_.assign(1, 0);
  ownIds_.clear();
  ownValues_.clear();
  for (size_t j = 0; j < m; j++) {
    for (size_t k = given.indptr()[j]; k < given.indptr()[j + 1]; k++) {
      const uint32_t id = given.unique()[given.slot(k)];
      const auto at = std::lower_bound(sure.begin(), sure.end(), id);
      if (at != sure.end() && *at == id) {
        sharedTargets.push_back({static_cast<size_t>(at - sure.begin()), given.values()[k]});
      } else {
        ownIds_.push_back(id);
        ownValues_.push_back(given.values()[k]);
      }
    }
    sharedTargetPtr.push_back(static_cast<uint32_t>(sharedTargets.size()));
    ownPtr_.push_back(static_cast<uint32_t>(ownIds_.size()));
  }
  targets.assign({m, ownPtr_.data(), ownIds_.data(), ownIds_.size(), ownValues_.data()}, numClasses);
}

void BulkPass::gather(const RowStore& v, double share) {
  shared.gather(v, sure, drawn);
  logWeights.resize(drawn.size());
  for (size_t i = 0; i < drawn.size(); i++) {
    logWeights[shared.column(sure.size() + i) - sure.size()] = static_cast<float>(std::log(share / probabilities[i]));
  }
  slopes.resize(m);
  constants.resize(m);
}

}  // namespace widehead
