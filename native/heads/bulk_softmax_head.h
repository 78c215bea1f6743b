// The softmax with a Gaussian bulk: of an example, the outputs of a few classes S are computed one by one, and all others count through
// their number, sum and sum of squares (losses/gaussian_bulk.h), which the factored weights know:
//   Z = n k + sum_S exp(o_i),   loss = Ysum log Z - sum_c y_c o_c
// So it depends on the outputs as a loss of the spherical family does, with S in the role of the targets, and loss, gradients and
// update are the exact head's. With S = all classes it is the full softmax.
//
// S holds an example's targets and a shortlist of frequent classes, and where that is asked for the targets of the whole minibatch and
// classes that hash tables over V find for it, or for the example alone.
// Classes that are drawn at random, class c with the probability p_c, stand for the `share` a of the bulk that is left:
//   Z = (1 - a) n k + a sum over the drawn of exp(o_c) / p_c + sum_S exp(o_i)
// because a Gaussian does not see a single class whose output is too large, and training finds such classes.
#pragma once

#include <memory>
#include <vector>

#include "base/pages.h"
#include "heads/bulk_pass.h"
#include "heads/exact_head.h"
#include "heads/frequent_classes.h"
#include "heads/row_retrieval.h"
#include "optim/optimizer.h"
#include "sampling/sampler.h"

namespace widehead {

struct BulkSettings {
  FrequentSettings shortlist;
  bool minibatchTargets = true;  // every example sees the targets of all
  RetrievalSettings retrieval;   // classes found by hashing
  size_t sampled = 0;            // classes drawn for a minibatch
  double sampledShare = 0;
  SamplerSettings sampler;
  double ratePower = 0;  // of FrequentClasses::rate, by SGD
  // sgd; or row-wise adagrad for the classes that all examples see, and for all others bulkRate times its rate for their mean root.
  OptimizerSettings optimizer{"sgd"};
  double bulkRate = 1;
};

class BulkSoftmaxHead : public ExactHead {
 public:
  BulkSoftmaxHead(const HeadConfig& config, const InitConfig& init, const StabilisationPolicy& policy, size_t stretch,
                  const BulkSettings& settings);

  std::unique_ptr<Pass> newPass() const override;
  void score(Pass& pass) const override { score(static_cast<BulkPass&>(pass), true); }
  // Nothing is drawn.
  void evaluate(Pass& pass) const override { score(static_cast<BulkPass&>(pass), false); }
  // The loss of the full softmax, a block of classes at a time.
  void evaluateExactly(Pass& pass) const override;
  double apply(Pass& pass, const ApplyOptions& options) override;
  size_t bytes() const override;
  std::map<std::string, double> diagnostics() const override;
  void archive(Archive& archive) override;
  void checkRestored() override;

 private:
  void score(BulkPass& pass, bool trains) const;
  bool estimates() const;  // a part of the bulk by draws
  bool ratesRows() const;  // those of shared classes, some or all
  void choose(BulkPass& pass, bool trains) const;
  void rateByCount(BulkPass& pass) const;
  void rateByAdagrad(BulkPass& pass, double clip) const;
  void rate(BulkPass& pass, const ApplyOptions& options) const;

  const BulkSettings settings_;
  const uint64_t seed_;
  FrequentClasses shortlist_;
  Pages<float> adagrad_;  // D: sums of mean squares; of adagrad
  std::unique_ptr<Sampler> sampler_;
  std::unique_ptr<RowRetrieval> retrieval_;
};

}  // namespace widehead
