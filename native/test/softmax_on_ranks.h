// The softmax heads that can lie on several ranks, in all their ways; on ranks, and on one that knows of no others.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "head_on_ranks.h"

#include "heads/lsh_softmax_head.h"
#include "heads/sampled_softmax_head.h"
#include "heads/wta_softmax_head.h"

namespace softmax_on_ranks {

using namespace exact_reference;
using namespace head_on_ranks;
using namespace widehead;

inline const InitConfig kInit = {InitConfig::Normal, 0.3, 5, nullptr, nullptr};

// A way to make a head.
struct Kind {
  const char* name;
  std::function<std::unique_ptr<Head>(const HeadConfig&, const OptimizerSettings&)> make;
  bool alike;  // the candidates are those of one rank
};

inline SamplerSettings unigram() { return {"unigram", 0.75, {}}; }

inline HashedSettings hashed(const HeadConfig& config, const char* kind, size_t hashes, bool perExample) {
  HashedSettings settings;
  settings.index.hash = {kind, config.hiddenSize + (config.bias ? 1 : 0), 10, hashes, 4, 16, 99};
  settings.index.augment = std::string(kind) == "simhash";
  settings.rehashEvery = 3;
  settings.bucketLimit = 20;
  settings.perExample = perExample;
  settings.seed = 3;
  return settings;
}

template <class Type, class... Settings>
Kind kindOf(const char* name, bool alike, Settings... settings) {
  return {name,
          [=](const HeadConfig& config, const OptimizerSettings& optimizer) {
            return std::make_unique<Type>(config, kInit, optimizer, settings...);
          },
          alike};
}

inline Kind wta(const char* name, size_t candidates, size_t unionLimit, bool perExample) {
  return {name,
          [=](const HeadConfig& config, const OptimizerSettings& optimizer) {
            const WtaSettings settings = {hashed(config, "wta", 2, perExample), candidates, unionLimit};
            return std::make_unique<WtaSoftmaxHead>(config, kInit, optimizer, settings);
          },
          false};
}

inline Kind lsh(const char* name, size_t samples, bool labelQuery, bool correction, bool perExample) {
  return {name,
          [=](const HeadConfig& config, const OptimizerSettings& optimizer) {
            const LshSettings settings = {hashed(config, "simhash", 4, perExample), samples, labelQuery, correction};
            return std::make_unique<LshSampledSoftmaxHead>(config, kInit, optimizer, settings);
          },
          false};
}

inline const std::vector<Kind> kKinds = {
    kindOf<SoftmaxHead>("softmax", true),
    kindOf<SampledSoftmaxHead>("sampled uniform", true, size_t{12}, SamplerSettings{"uniform", 0.75, {}}),
    kindOf<SampledSoftmaxHead>("sampled log-uniform", true, size_t{3}, SamplerSettings{"log-uniform", 0.75, {}}),
    kindOf<SampledSoftmaxHead>("sampled unigram", true, size_t{20}, unigram()),
    kindOf<SampledSoftmaxHead>("sampled, all of them", true, size_t{10'000}, unigram()),
    wta("wta", 6, 15, false),
    wta("wta, an example's own", 6, 15, true),
    lsh("lsh", 15, false, false, false),
    lsh("lsh, label query", 15, true, false, false),
    lsh("lsh, correction", 15, false, true, false),
    lsh("lsh, an example's own", 6, false, false, true),
    lsh("lsh, all of them", 10'000, true, true, false),
};

// A head on one rank, which knows of no others.
struct Alone {
  Alone(const Kind& kind, const HeadConfig& config, const OptimizerSettings& optimizer = {"sgd"})
      : config(config), head(kind.make(config, optimizer)), pass(head->newPass()) {}

  StepResult step(const Minibatch& batch, const ApplyOptions& options) {
    pass->assign(config, batch.hidden.data(), batch.targets());
    head->score(*pass);
    head->differentiate(*pass);
    StepResult result;
    result.loss = pass->loss;
    result.dHidden.assign(pass->dHidden.data(), pass->dHidden.data() + batch.hidden.size());
    result.gradNorm = head->apply(*pass, options);
    return result;
  }

  std::vector<float> rows() const {
    std::vector<uint32_t> all(config.numClasses);
    for (uint32_t c = 0; c < all.size(); c++) all[c] = c;
    std::vector<float> out(all.size() * head->features());
    head->rows(out.data(), all.data(), all.size());
    return out;
  }

  HeadConfig config;
  std::unique_ptr<Head> head;
  std::unique_ptr<Pass> pass;
};

inline Ranks ranksOf(const Kind& kind, const HeadConfig& config, size_t size,
                     const OptimizerSettings& optimizer = {"sgd"}) {
  return {config, size, [&](const HeadConfig& own) { return kind.make(own, optimizer); }};
}

}  // namespace softmax_on_ranks
