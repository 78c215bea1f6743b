// A minibatch on its way through the bulk softmax: which classes its examples share, and which they have for themselves.
#pragma once

#include <cstdint>
#include <vector>

#include "heads/exact_head.h"
#include "heads/row_retrieval.h"

namespace widehead {

struct BulkPass : ExactHeadPass {
  struct SharedTarget {
    size_t place;  // in `sure`
    float value;
  };

  Targets given;                          // as the minibatch has them: `targets` holds those that are not shared
  std::vector<uint32_t> sure;             // classes that all examples see, rising
  std::vector<uint32_t> drawn;            // the same, at random: no class of `sure`; rising
  std::vector<double> probabilities;      // that a draw has them in it
  std::vector<float> logWeights;          // of the shared columns of what is drawn
  std::vector<uint32_t> sharedTargetPtr;  // m + 1
  std::vector<SharedTarget> sharedTargets;
  // What the bulk alone gives shared output c of example j as its derivative, over gamma and m: slopes[j] * outputs(j, c) + constants[j].
  std::vector<double> slopes, constants;
  RetrievalScratch retrieval;
  bool scaled = false;  // the shortlist's gradients, by its rates

  size_t bytes() const override { return ExactHeadPass::bytes() + retrieval.bytes(); }

  // From all targets to those of `sure` and the rest.
  void takeApart(size_t numClasses);
  // Reads the rows of what is shared.
  void gather(const RowStore& v, double share);

 private:
  std::vector<uint32_t> ownPtr_, ownIds_;
  std::vector<float> ownValues_;
};

}  // namespace widehead
