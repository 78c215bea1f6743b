// The softmax heads on several ranks beside a head on one: bit for bit on one rank, to rounding where the candidates are the same. And
// what one rank cannot do, or does otherwise.

#include "softmax_on_ranks.h"

#include "base/error.h"

namespace {

using namespace softmax_on_ranks;

}  // namespace

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
