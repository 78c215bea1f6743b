// The softmax with a Gaussian bulk: of an example, the outputs of a few classes S (its targets and a shortlist) are computed one by one,
// and all others count through their number, sum and sum of squares (losses/gaussian_bulk.h), which the factored weights know:
//   Z = n k + sum_S exp(o_i),   loss = Ysum log Z - sum_c y_c o_c
// So it depends on the outputs as a loss of the spherical family does, with S in the role of the targets, and loss, gradients and
// update are the exact head's. With S = all classes it is the full softmax.
#pragma once

#include <memory>
#include <vector>

#include "heads/exact_head.h"
#include "heads/frequent_classes.h"

namespace widehead {

struct BulkSettings {
  FrequentSettings shortlist;
};

class BulkSoftmaxHead : public ExactHead {
 public:
  BulkSoftmaxHead(const HeadConfig& config, const InitConfig& init, const StabilisationPolicy& policy, size_t stretch,
                  const BulkSettings& settings);

  std::unique_ptr<Pass> newPass() const override;
  void score(Pass& pass) const override;
  // The loss of the full softmax, a block of classes at a time.
  void evaluateExactly(Pass& pass) const override;
  double apply(Pass& pass, const ApplyOptions& options) override;
  size_t bytes() const override { return ExactHead::bytes() + shortlist_.bytes(); }
  std::map<std::string, double> diagnostics() const override;
  void archive(Archive& archive) override;
  void checkRestored() override;

 private:
  FrequentClasses shortlist_;
};

}  // namespace widehead
