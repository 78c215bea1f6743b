// Sampled softmax: a step sees the targets of its minibatch and S classes drawn at random, shared by its examples, with the
// correction of candidate_softmax.h (Bengio & Senecal 2008; Jean et al., arXiv 1412.2007). O(S d) an example, whatever D is.
// Among several ranks the sampler, which knows of all classes, is the same on each.
#pragma once

#include "heads/softmax_head.h"
#include "sampling/sampler.h"

namespace widehead {

class SampledSoftmaxHead : public CandidateHead {
 public:
  SampledSoftmaxHead(const HeadConfig& config, const InitConfig& init, const OptimizerSettings& optimizer,
                     size_t samples, const SamplerSettings& sampler);

  double apply(Pass& pass, const ApplyOptions& options) override;
  size_t bytes() const override { return CandidateHead::bytes() + sampler_->bytes(); }
  std::map<std::string, double> diagnostics() const override;
  void archive(Archive& archive) override;
  void checkRestored() override { sampler_->checkRestored(); }

 protected:
  void choose(Candidates& candidates, const Pass& pass) const override;

 private:
  void keepOwn(Candidates& candidates, std::vector<uint32_t>& negatives, std::vector<double>& probabilities) const;
  bool samplesAll() const { return samples_ + 1 >= config_.numClasses; }

  size_t samples_;
  uint64_t seed_;
  std::unique_ptr<Sampler> sampler_;
};

}  // namespace widehead
