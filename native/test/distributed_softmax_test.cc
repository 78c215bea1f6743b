// The softmax heads on several ranks: against the softmax over the union of the ranks' candidates in float64, against one rank where
// the candidates are the same, and bit for bit on one.

#include "head_on_ranks.h"
#include "softmax_reference.h"

#include "base/error.h"
#include "heads/lsh_softmax_head.h"
#include "heads/sampled_softmax_head.h"
#include "heads/wta_softmax_head.h"

namespace {

using namespace exact_reference;
using namespace head_on_ranks;
using namespace widehead;

const InitConfig kInit = {InitConfig::Normal, 0.3, 5, nullptr, nullptr};

// A way to make a head.
struct Kind {
  const char* name;
  std::function<std::unique_ptr<Head>(const HeadConfig&, const OptimizerSettings&)> make;
  bool alike;  // the candidates are those of one rank
};

SamplerSettings unigram() { return {"unigram", 0.75, {}}; }

HashedSettings hashed(const HeadConfig& config, const char* kind, size_t hashes, bool perExample) {
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

Kind wta(const char* name, size_t candidates, size_t unionLimit, bool perExample) {
  return {name,
          [=](const HeadConfig& config, const OptimizerSettings& optimizer) {
            const WtaSettings settings = {hashed(config, "wta", 2, perExample), candidates, unionLimit};
            return std::make_unique<WtaSoftmaxHead>(config, kInit, optimizer, settings);
          },
          false};
}

Kind lsh(const char* name, size_t samples, bool labelQuery, bool correction, bool perExample) {
  return {name,
          [=](const HeadConfig& config, const OptimizerSettings& optimizer) {
            const LshSettings settings = {hashed(config, "simhash", 4, perExample), samples, labelQuery, correction};
            return std::make_unique<LshSampledSoftmaxHead>(config, kInit, optimizer, settings);
          },
          false};
}

const std::vector<Kind> kKinds = {
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

const Candidates& candidatesOf(const Pass& pass) { return static_cast<const SoftmaxPass&>(pass).softmax.candidates; }

// The candidates of all ranks, by class.
Candidates united(const Ranks& ranks) {
  struct Seen {
    float correction;
    std::vector<bool> examples;
  };
  std::map<uint32_t, Seen> all;
  const size_t m = ranks.passes[0]->m;
  bool own = false;
  for (size_t r = 0; r < ranks.size; r++) {
    const Shard shard{r, ranks.size};
    const Candidates& part = candidatesOf(*ranks.passes[r]);
    const size_t count = part.all ? shard.rows(ranks.config.numClasses) : part.rows.size();
    for (size_t i = 0; i < count; i++) {
      Seen seen{part.all || part.correction.empty() ? 0 : part.correction[i], std::vector<bool>(m, true)};
      if (!part.all && !part.indptr.empty()) {
        own = true;
        for (size_t j = 0; j < m; j++) {
          seen.examples[j] = std::binary_search(part.places.begin() + part.indptr[j],
                                                part.places.begin() + part.indptr[j + 1], static_cast<uint32_t>(i));
        }
      }
      CHECK(all.emplace(shard.classOf(part.rowAt(i)), seen).second);
    }
  }
  Candidates result;
  for (const auto& [id, seen] : all) {
    result.rows.push_back(id);
    result.correction.push_back(seen.correction);
  }
  if (!own) return result;
  result.indptr = {0};
  for (size_t j = 0; j < m; j++) {
    uint32_t place = 0;
    for (const auto& [id, seen] : all) {
      if (seen.examples[j]) result.places.push_back(place);
      place++;
    }
    result.indptr.push_back(static_cast<uint32_t>(result.places.size()));
  }
  return result;
}

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

Ranks ranksOf(const Kind& kind, const HeadConfig& config, size_t size, const OptimizerSettings& optimizer = {"sgd"}) {
  return {config, size, [&](const HeadConfig& own) { return kind.make(own, optimizer); }};
}

// Each step judged by itself, so that a small difference does not choose other candidates.
void judge(const Kind& kind, const HeadConfig& config, size_t size, size_t m, const ApplyOptions& options,
           size_t steps = 8) {
  const size_t d = config.hiddenSize;
  Ranks ranks = ranksOf(kind, config, size);
  const size_t n = ranks.heads[0]->features();
  for (size_t step = 0; step < steps; step++) {
    const std::vector<float> before = ranks.rows();
    const StepResult actual = ranks.step(randomBatch(config, m, step), options);
    const Pass& pass = *ranks.passes[0];
    const SoftmaxReference right = softmaxReference(before.data(), config.numClasses, d, n, pass, united(ranks));
    double loss = 0;
    for (const double each : right.losses) loss += each / static_cast<double>(m);
    CHECK_NEAR(actual.loss, loss, 1e-5 * (1 + loss));
    CHECK_NEAR(relativeError(actual.dHidden, right.dHidden), 0, 5e-6);
    CHECK_NEAR(actual.gradNorm, right.norm, 5e-6 * (1 + right.norm));
    const double clip = right.norm > options.clipNorm ? options.clipNorm / right.norm : 1;
    std::vector<double> expected(before.begin(), before.end());
    for (size_t i = 0; i < expected.size(); i++) expected[i] -= options.learningRate * clip * right.gradient[i];
    CHECK_NEAR(relativeError(ranks.rows(), expected), 0, 5e-7);
  }
}

}  // namespace

TEST(every_kind_is_the_softmax_over_the_candidates_of_all_ranks) {
  for (const Kind& kind : kKinds) {
    for (const size_t size : {size_t{1}, size_t{2}, size_t{4}, size_t{7}}) {
      for (const size_t m : {size_t{1}, size_t{6}, size_t{11}}) {  // shares of different sizes, some of them none
        judge(kind, {60, 10, m != 6}, size, m, rate(0.5));
        judge(kind, {61, 10, true}, size, m, rate(0.5, 0, 0.05));
      }
    }
  }
}

TEST(each_rank_finds_its_share) {
  const HeadConfig config = {60, 10, true};
  for (const size_t size : {size_t{1}, size_t{2}, size_t{4}}) {
    const size_t share = (15 + size - 1) / size;
    for (const Kind& kind : {wta("wta", 6, 15, false), lsh("lsh", 15, false, true, false)}) {
      Ranks ranks = ranksOf(kind, config, size);
      ranks.step(randomBatch(config, 9, 1), rate(0.1));
      for (const auto& pass : ranks.passes) {
        const size_t others = candidatesOf(*pass).rows.size() - pass->targets.own().size();
        CHECK(std::string(kind.name) == "wta" ? others <= share && others > 0 : others == share);
      }
    }
  }
}

TEST(classes_like_a_label_are_found_on_ranks_that_do_not_hold_it) {
  constexpr size_t kAlike = 6;  // classes in a row of the same weights
  const HeadConfig config = {60, 10, false};
  std::vector<float> weights = check::normals(600, 3);
  for (size_t id = 0; id < 60; id++) std::copy_n(&weights[id / kAlike * kAlike * 10], 10, &weights[id * 10]);
  const InitConfig init = {InitConfig::Weights, 0, 0, weights.data(), nullptr};
  LshSettings settings = {hashed(config, "simhash", 12, true), 20, true, false};
  settings.index.augment = false;
  Ranks ranks(config, 2, [&](const HeadConfig& own) {
    return std::make_unique<LshSampledSoftmaxHead>(own, init, OptimizerSettings{"sgd"}, settings);
  });
  Minibatch batch;
  batch.hidden = check::normals(50, 4);
  for (const uint32_t id : {3u, 58u, 20u, 21u, 41u}) {
    batch.classes.push_back(id);
    batch.values.push_back(1);
    batch.endExample();
  }
  ranks.step(batch, rate(0));
  for (size_t r = 0; r < 2; r++) {
    const Candidates& candidates = candidatesOf(*ranks.passes[r]);
    for (size_t j = 0; j < batch.m; j++) {
      size_t found = 0;
      for (size_t i = candidates.indptr[j]; i < candidates.indptr[j + 1]; i++) {
        const uint32_t id = Shard{r, 2}.classOf(candidates.rows[candidates.places[i]]);
        found += id / kAlike == batch.classes[j] / kAlike;
      }
      CHECK(found == kAlike / 2);
    }
  }
}

TEST(many_blocks_of_classes_on_some_ranks) {
  for (const double clip : {kInfinity, 0.01}) {
    judge(kKinds[0], {40'000, 3, true}, 3, 7, rate(0.5, 0, clip), 2);  // held
    if (check::kSanitized) continue;
    judge(kKinds[0], {33'000, 3, true}, 2, 600, rate(0.5, 0, clip), 1);  // computed again
  }
}

TEST(one_rank_has_the_bits_of_a_head_without_others) {
  for (const Kind& kind : kKinds) {
    for (const char* optimizer : {"sgd", "adagrad", "adam"}) {
      const HeadConfig config = {60, 10, true};
      Alone one(kind, config, {optimizer});
      Ranks ranks = ranksOf(kind, config, 1, {optimizer});
      for (size_t step = 0; step < 20; step++) {
        const Minibatch batch = randomBatch(config, 6, step);
        const ApplyOptions options = rate(0.05, 0.01, step % 2 == 0 ? 0.01 : kInfinity);
        const StepResult expected = one.step(batch, options), actual = ranks.step(batch, options);
        CHECK(actual.loss == expected.loss && actual.gradNorm == expected.gradNorm);
        CHECK(actual.dHidden == expected.dHidden);
      }
      CHECK(ranks.rows() == one.rows());
    }
  }
}

TEST(where_the_candidates_are_alike_so_are_a_hundred_steps) {
  for (const Kind& kind : kKinds) {
    if (!kind.alike) continue;
    for (const size_t size : {size_t{2}, size_t{4}}) {
      for (const char* optimizer : {"sgd", "adagrad"}) {
        const HeadConfig config = {60, 10, true};
        Alone one(kind, config, {optimizer});
        Ranks ranks = ranksOf(kind, config, size, {optimizer});
        for (size_t step = 0; step < 100; step++) {
          const Minibatch batch = randomBatch(config, 9, step);
          const ApplyOptions options = rate(0.1, 0.01, 0.5);
          const StepResult expected = one.step(batch, options), actual = ranks.step(batch, options);
          CHECK_NEAR(actual.loss, expected.loss, 1e-5 * (1 + expected.loss));
        }
        CHECK_NEAR(relativeError(ranks.rows(), one.rows()), 0, 1e-5);
      }
    }
  }
}

TEST(evaluation_and_the_best_classes_are_those_of_one) {
  for (const Kind& kind : kKinds) {
    const HeadConfig config = {53, 8, true};
    Alone one(kind, config);
    Ranks ranks = ranksOf(kind, config, 3);
    const Minibatch batch = randomBatch(config, 10, 4);
    one.pass->assign(config, batch.hidden.data(), batch.targets());
    one.head->evaluate(*one.pass);
    ranks.each([&](size_t r) {
      ranks.assign(r, batch, rate(0));
      ranks.heads[r]->evaluate(*ranks.passes[r]);
      const Pass& pass = *ranks.passes[r];
      for (size_t j = 0; j < batch.m; j++) CHECK_NEAR(pass.losses[j], one.pass->losses[j], 1e-5);
      const size_t m = r, k = 20;  // one asks for none
      const std::vector<float> hidden = check::normals(m * config.hiddenSize, 90 + r);
      std::vector<int32_t> classes(m * k), expected(m * k);
      std::vector<float> outputs(m * k), expectedOutputs(m * k);
      topKTogether(*ranks.heads[r], classes.data(), outputs.data(), hidden.data(), m, k, false);
      if (m > 0) one.head->topK(expected.data(), expectedOutputs.data(), hidden.data(), m, k, false);
      CHECK(classes == expected && outputs == expectedOutputs);
    });
    CHECK(ranks.rows() == one.rows());
  }
}

TEST(outputs_that_overflow_on_one_rank_are_an_error_on_all) {
  const HeadConfig config = {30, 6, false};
  std::vector<float> weights(30 * 6);
  for (size_t i = 0; i < 6; i++) weights[4 * 6 + i] = 3e38f;  // of class 4, which lies with rank 1
  const InitConfig init = {InitConfig::Weights, 0, 0, weights.data(), nullptr};
  Ranks ranks(config, 3,
              [&](const HeadConfig& own) { return std::make_unique<SoftmaxHead>(own, init, OptimizerSettings{"sgd"}); });
  ranks.each([&](size_t r) {
    ranks.assign(r, randomBatch(config, 7, 1), rate(0.1));
    std::string code;
    try {
      ranks.heads[r]->score(*ranks.passes[r]);
    } catch (const Error& error) {
      code = error.code;
    }
    CHECK(code == "WIDEHEAD_LOSS");
  });
  CHECK(ranks.rows() == weights);
}

TEST(what_one_rank_cannot_do_nobody_does) {
  for (const Kind& kind : kKinds) {
    Ranks ranks = ranksOf(kind, {30, 6, false}, 3);
    checkThatOneRefusesForAll(ranks);
  }
}

TEST(ranks_that_draw_differently_are_found) {
  const HeadConfig config = {30, 6, false};
  std::vector<double> counts(30, 1.0);
  Ranks ranks(config, 2, [&](const HeadConfig& own) {
    counts[own.comm->rank()] = 1000;
    return std::make_unique<SampledSoftmaxHead>(own, kInit, OptimizerSettings{"sgd"}, 5,
                                                SamplerSettings{"unigram", 1, counts});
  });
  std::string message;
  ranks.each([&](size_t r) {
    try {
      for (size_t step = 0; step < 70; step++) {
        ranks.assign(r, randomBatch(config, 6, step), rate(0.05));
        ranks.heads[r]->score(*ranks.passes[r]);
        ranks.heads[r]->differentiate(*ranks.passes[r]);
        ranks.heads[r]->apply(*ranks.passes[r], rate(0.05));
      }
    } catch (const Error& error) {
      if (r == 0) message = error.what();
    }
  });
  CHECK(message.find("come apart") != std::string::npos);
}

TEST_MAIN
