// One head that lies on several ranks, which are threads.
#pragma once

#include <algorithm>
#include <functional>

#include "exact_reference.h"
#include "on_ranks.h"

#include "base/error.h"
#include "comm/thread_communicator.h"
#include "heads/joint_calls.h"

namespace head_on_ranks {

using exact_reference::LossChoice;
using exact_reference::Minibatch;
using exact_reference::randomBatch;
using exact_reference::rate;
using exact_reference::StepResult;
using widehead::ApplyOptions;
using widehead::Head;
using widehead::HeadConfig;
using widehead::Pass;

// Examples begin .. end of a minibatch.
inline Minibatch part(const Minibatch& all, size_t d, size_t begin, size_t end) {
  Minibatch own;
  for (size_t j = begin; j < end; j++) {
    own.hidden.insert(own.hidden.end(), &all.hidden[j * d], &all.hidden[j * d] + d);
    for (uint32_t k = all.indptr[j]; k < all.indptr[j + 1]; k++) {
      own.classes.push_back(all.classes[k]);
      own.values.push_back(all.values[k]);
    }
    own.endExample();
  }
  return own;
}

// Every call is made on all ranks at once.
class Ranks {
 public:
  // make(config): the head of a rank.
  Ranks(HeadConfig config, size_t size, const std::function<std::unique_ptr<Head>(const HeadConfig&)>& make)
      : size(size), config(config), heads(size), passes(size) {
    const auto group = std::make_shared<widehead::ThreadGroup>(size);
    for (size_t r = 0; r < size; r++) {
      config.comm = std::make_shared<widehead::ThreadCommunicator>(group, r);
      heads[r] = make(config);
      passes[r] = heads[r]->newPass();
    }
  }

  void each(const std::function<void(size_t rank)>& body) { onRanks(size, body); }

  // Each rank has a share of the minibatch, some of them none.
  void assign(size_t rank, const Minibatch& batch, const ApplyOptions& options) {
    const Minibatch own = part(batch, config.hiddenSize, batch.m * rank / size, batch.m * (rank + 1) / size);
    assignTogether(*heads[rank], *passes[rank], {"step", &options}, own.hidden.data(), own.targets());
  }

  // loss: null for a head with its own.
  StepResult step(const Minibatch& batch, const ApplyOptions& options, const LossChoice* loss = nullptr) {
    std::vector<StepResult> results(size);
    each([&](size_t r) {
      Pass& pass = *passes[r];
      assign(r, batch, options);
      heads[r]->score(pass);
      if (loss != nullptr) {
        pass.computeLoss(widehead::findLoss(loss->name)->compute, loss->parameters.data(), config.numClasses);
      }
      heads[r]->differentiate(pass);
      const float* dHidden = pass.dHidden.data();
      results[r].dHidden.assign(dHidden + pass.ownBegin * config.hiddenSize, dHidden + pass.ownEnd * config.hiddenSize);
      results[r].loss = pass.loss;
      results[r].gradNorm = heads[r]->apply(pass, options);
    });
    for (size_t r = 1; r < size; r++) {
      CHECK(results[r].loss == results[0].loss);
      CHECK(results[r].gradNorm == results[0].gradNorm);
      CHECK(heads[r]->digest() == heads[0]->digest());
      results[0].dHidden.insert(results[0].dHidden.end(), results[r].dHidden.begin(), results[r].dHidden.end());
    }
    return results[0];
  }

  std::vector<float> rows() {
    const size_t features = heads[0]->features();
    std::vector<float> out(config.numClasses * features);
    each([&](size_t r) {
      // Ranks ask for different classes, in an order of their own.
      std::vector<uint32_t> classes;
      for (size_t c = config.numClasses; c-- > 0;) {
        if (c % size == (r + 1) % size) classes.push_back(static_cast<uint32_t>(c));
      }
      std::vector<float> got(classes.size() * features);
      rowsTogether(*heads[r], got.data(), classes.data(), classes.size());
      for (size_t i = 0; i < classes.size(); i++) {
        std::copy_n(&got[i * features], features, &out[classes[i] * features]);
      }
    });
    return out;
  }

  const size_t size;
  const HeadConfig config;
  std::vector<std::unique_ptr<Head>> heads;
  std::vector<std::unique_ptr<Pass>> passes;
};

// A minibatch that one rank refuses changes nothing on any, all say why, and steps go on. loss: as in step().
inline void checkThatOneRefusesForAll(Ranks& ranks, const LossChoice* loss = nullptr) {
  ranks.step(randomBatch(ranks.config, 9, 1), rate(0.05), loss);
  const std::vector<float> before = ranks.rows();
  ranks.each([&](size_t r) {
    Minibatch own = randomBatch(ranks.config, 3, 40 + r);
    if (r == 1) own.hidden[4] = check::kNaN;
    const ApplyOptions rates = rate(0.05);
    std::string code;
    try {
      assignTogether(*ranks.heads[r], *ranks.passes[r], {"step", &rates}, own.hidden.data(), own.targets());
    } catch (const widehead::Error& error) {
      code = error.code;
    }
    CHECK(code == (r == 1 ? "WIDEHEAD_OUT_OF_RANGE" : "WIDEHEAD_DISTRIBUTED"));
  });
  CHECK(ranks.rows() == before);
  ranks.step(randomBatch(ranks.config, 9, 2), rate(0.05), loss);
}

}  // namespace head_on_ranks
