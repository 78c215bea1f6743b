// The exact head on several ranks against the same head on one, and against the dense layer in float64.

#include <atomic>

#include "head_on_ranks.h"

#include "base/error.h"

namespace {

using namespace exact_reference;
using namespace head_on_ranks;
using namespace widehead;

constexpr StabilisationPolicy kPolicy = {0.5, 0.5, 16, 1, 4};

Ranks exactOn(size_t size, const HeadConfig& config, const InitConfig& init) {
  return {config, size, [&](const HeadConfig& own) { return std::make_unique<ExactHead>(own, init, kPolicy, 4); }};
}

const LossChoice kLosses[] = {kSquared,
                              {"weighted-squared-error", {0.1, 2}},
                              {"spherical-softmax", {0.05}},
                              {"taylor-softmax", {}},
                              {"z-loss", {0.1, 8}}};

// Steps of several ranks and of one, side by side.
void compare(const HeadConfig& config, const LossChoice& loss, size_t size, size_t m, size_t steps,
             const std::function<ApplyOptions(const Minibatch&, size_t)>& options, double lossTolerance,
             double tolerance) {
  Pair pair(config, loss);
  std::vector<float> weights = check::normals(config.numClasses * config.hiddenSize, 12);
  for (float& x : weights) x = static_cast<float>(0.3 * x);
  Ranks ranks = exactOn(size, config, {InitConfig::Weights, 0, 0, weights.data(), nullptr});
  for (size_t step = 0; step < steps; step++) {
    const Minibatch batch = randomBatch(config, m, step);
    const ApplyOptions rates = options(batch, step);
    StepResult one = pair.forward(batch);
    one.gradNorm = pair.head.apply(*pair.pass, rates);
    const StepResult expected = pair.reference.step(batch, loss, rates);
    const StepResult actual = ranks.step(batch, rates, &loss);
    CHECK_NEAR(actual.loss, one.loss, lossTolerance * (1 + std::fabs(one.loss)));
    CHECK_NEAR(actual.loss, expected.loss, 2e-5 * (1 + std::fabs(expected.loss)));
    CHECK_NEAR(actual.gradNorm, one.gradNorm, 2e-5 * (1 + one.gradNorm));
    CHECK_NEAR(relativeError(actual.dHidden, expected.dHidden), 0, 2e-5);
  }
  CHECK_NEAR(relativeError(ranks.rows(), pair.reference.w), 0, tolerance);
}

}  // namespace

TEST(everyLossInEveryShapeOnEveryNumberOfRanks) {
  for (const LossChoice& loss : kLosses) {
    for (const bool bias : {false, true}) {
      for (const size_t size : {size_t{1}, size_t{2}, size_t{4}, size_t{7}}) {
        for (const size_t m : {size_t{1}, size_t{6}, size_t{11}, size_t{40}}) {
          const HeadConfig config = {60, 10, bias};
          compare(config, loss, size, m, 12, [](const Minibatch&, size_t) { return rate(0.05); }, 1e-5, 2e-6);
        }
      }
    }
  }
}

TEST(shares) {
  for (const size_t m : {size_t{6}, size_t{30}}) {
    for (const double share : {0.3, 0.9, 1.0, 1.5}) {
      const HeadConfig config = {50, 12, true};
      compare(
          config, kSquared, 3, m, 100,
          [&](const Minibatch& batch, size_t) { return rate(rateForShare(config, batch, share)); }, 1e-5, 5e-6);
    }
  }
}

TEST(decayAndClipping) {
  compare(
      {41, 9, true}, {"taylor-softmax", {}}, 4, 5, 200, [](const Minibatch&, size_t) { return rate(0.2, 0.5); }, 1e-5,
      5e-6);
  compare(
      {41, 9, true}, kSquared, 4, 20, 40,
      [](const Minibatch&, size_t step) { return rate(0.05, 0.01, step % 2 == 0 ? 1e-3 : 0.5); }, 1e-5, 5e-6);
}

TEST(logitsAndTheBestClasses) {
  for (const size_t size : {size_t{2}, size_t{3}, size_t{5}}) {
    const HeadConfig config = {53, 8, true};
    const InitConfig init = {InitConfig::Normal, 0.3, 5, nullptr, nullptr};
    ExactHead one(config, init, kPolicy, 4);
    Ranks ranks = exactOn(size, config, init);
    for (size_t step = 0; step < 20; step++) {
      const Minibatch batch = randomBatch(config, 9, step);
      const auto pass = one.newPass();
      pass->assign(config, batch.hidden.data(), batch.targets());
      one.score(*pass);
      pass->computeLoss(findLoss("squared-error")->compute, nullptr, config.numClasses);
      one.differentiate(*pass);
      one.apply(*pass, rate(0.05));
      ranks.step(batch, rate(0.05), &kSquared);
    }
    for (const size_t k : {size_t{1}, size_t{4}, size_t{53}}) {
      for (const bool square : {false, true}) {
        ranks.each([&](size_t r) {
          const size_t m = r % 3;  // some ask for none
          const std::vector<float> hidden = check::normals(m * config.hiddenSize, 90 + r);
          std::vector<int32_t> classes(m * k), expected(m * k);
          std::vector<float> outputs(m * k), expectedOutputs(m * k);
          topKTogether(*ranks.heads[r], classes.data(), outputs.data(), hidden.data(), m, k, square);
          if (m == 0) return;
          one.topK(expected.data(), expectedOutputs.data(), hidden.data(), m, k, square);
          CHECK(classes == expected);
          CHECK_NEAR(relativeError(outputs, expectedOutputs), 0, 2e-6);
        });
      }
    }
    ranks.each([&](size_t r) {
      const std::vector<float> hidden = check::normals(2 * config.hiddenSize, 70 + r);
      const std::vector<uint32_t> classes = {52, static_cast<uint32_t>(r), 17, 17};
      std::vector<float> out(8), expected(8);
      logitsTogether(*ranks.heads[r], out.data(), hidden.data(), 2, classes.data(), 4);
      one.logits(expected.data(), hidden.data(), 2, classes.data(), 4);
      CHECK_NEAR(relativeError(out, expected), 0, 2e-6);
    });
  }
}

TEST(whatOneRankCannotDoNobodyDoes) {
  Ranks ranks = exactOn(3, {30, 6, false}, {InitConfig::Normal, 0.3, 5, nullptr, nullptr});
  checkThatOneRefusesForAll(ranks, &kSquared);
}

TEST(ranksThatHaveComeApartAreFound) {
  const HeadConfig config = {30, 6, false};
  Ranks ranks = exactOn(2, config, {InitConfig::Normal, 0.3, 5, nullptr, nullptr});
  // A policy of its own makes rank 1 correct what rank 0 does not.
  static_cast<ExactHead&>(*ranks.heads[1]).setPolicy({0.9, 0.5, 1, 1, 4});
  std::atomic<bool> found{false};
  for (size_t step = 0; step < 200 && !found; step++) {
    ranks.each([&](size_t r) {
      const Minibatch own = randomBatch(config, 4, 2 * step + r);
      const ApplyOptions rates = rate(0.05);
      try {
        assignTogether(*ranks.heads[r], *ranks.passes[r], {"step", &rates}, own.hidden.data(), own.targets());
      } catch (const Error& error) {
        CHECK(std::string(error.what()).find("come apart") != std::string::npos);
        found = true;
        return;
      }
      Pass& pass = *ranks.passes[r];
      ranks.heads[r]->score(pass);
      pass.computeLoss(findLoss("squared-error")->compute, nullptr, config.numClasses);
      ranks.heads[r]->differentiate(pass);
      ranks.heads[r]->apply(pass, rates);
    });
  }
  CHECK(found);
}

TEST_MAIN
