// The full softmax: exact loss, gradient and update of all D classes, O(D d) an example. Logits come a block of classes at a
// time, so that the scratch does not grow with D.
#pragma once

#include "heads/candidate_softmax.h"
#include "heads/table_head.h"

namespace widehead {

// A pass of every softmax head.
struct SoftmaxPass : Pass {
  CandidateSoftmax softmax;

  size_t bytes() const override { return Pass::bytes() + softmax.bytes(); }
};

// What the heads that train by a softmax over candidates share; they choose the candidates.
class CandidateHead : public TableHead {
 public:
  std::unique_ptr<Pass> newPass() const override { return std::make_unique<SoftmaxPass>(); }
  void score(Pass& pass) const override;
  // Over all classes, whatever the step sees.
  void evaluate(Pass& pass) const override;
  void differentiate(Pass& pass) const override;
  double apply(Pass& pass, const ApplyOptions& options) override;
  // Of what the steps since it was made or loaded came to: apart from its rows, a rank holds nothing that grows with them.
  uint64_t digest() const override { return digest_; }

 protected:
  using TableHead::TableHead;
  // Fills the candidates of the minibatch for a step, `all` false at first; the lists are those of the last minibatch.
  virtual void choose(Candidates& candidates, const Pass& pass) const = 0;

 private:
  uint64_t digest_ = 0;
};

class SoftmaxHead : public CandidateHead {
 public:
  SoftmaxHead(const HeadConfig& config, const InitConfig& init, const OptimizerSettings& optimizer)
      : CandidateHead(config, init, optimizer) {}

 protected:
  void choose(Candidates& candidates, const Pass&) const override { candidates.all = true; }
};

}  // namespace widehead
