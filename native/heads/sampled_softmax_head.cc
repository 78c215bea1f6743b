#include "heads/sampled_softmax_head.h"

#include "base/rng.h"
#include "comm/meeting.h"

namespace widehead {

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
  if (communicator() != nullptr) keepOwn(candidates, negatives, probabilities);
  mergeCandidates(candidates, pass.targets.ownRows(), negatives, probabilities);
}

// All ranks draw the same classes, and each goes on with those that it holds.
void SampledSoftmaxHead::keepOwn(Candidates& candidates, std::vector<uint32_t>& negatives,
                                 std::vector<double>& probabilities) const {
  Digest digest;
  digest.add(negatives.data(), negatives.size() * sizeof negatives[0]);
  digest.add(probabilities.data(), probabilities.size() * sizeof probabilities[0]);
  candidates.drawn = digest.value();
  const Shard& shard = table_.shard();
  size_t kept = 0;
  for (size_t i = 0; i < negatives.size(); i++) {
    if (!shard.owns(negatives[i])) continue;
    negatives[kept] = shard.rowOf(negatives[i]);
    probabilities[kept++] = probabilities[i];
  }
  negatives.resize(kept);
  probabilities.resize(kept);
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
