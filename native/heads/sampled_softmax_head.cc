#include "heads/sampled_softmax_head.h"

#include "base/rng.h"

namespace widehead {

namespace {}

SampledSoftmaxHead::SampledSoftmaxHead(const HeadConfig& config, const InitConfig& init,
                                       const OptimizerSettings& optimizer, size_t samples,
                                       const SamplerSettings& sampler)
    : CandidateHead(config, init, optimizer), samples_(samples), seed_(randomBits(init.seed, kDraws)),
      sampler_(makeSampler(sampler, config.numClasses)) {}

void SampledSoftmaxHead::choose(Candidates& candidates, const Pass& pass) const {
  // At most one class is left out: its share of the sum costs less than an estimate of it.
  candidates.all = samplesAll();
  if (candidates.all) return;
  std::vector<uint32_t> negatives;
  std::vector<double> probabilities;
  sampler_->draw(negatives, probabilities, samples_, seed_, version_);
  mergeCandidates(candidates, pass.targets.unique(), negatives, probabilities);
}

double SampledSoftmaxHead::apply(Pass& pass, const ApplyOptions& options) {
  const double norm = CandidateHead::apply(pass, options);
  sampler_->observe(pass.targets.unique(), pass.targets.classPtr(), version_);
  return norm;
}

std::map<std::string, double> SampledSoftmaxHead::diagnostics() const {
  std::map<std::string, double> facts = CandidateHead::diagnostics();
  facts["samples"] = static_cast<double>(samplesAll() ? config_.numClasses : samples_);
  return facts;
}

void SampledSoftmaxHead::archive(Archive& archive) {
  CandidateHead::archive(archive);
  sampler_->archive(archive);
}

}  // namespace widehead
