// The exact head against a dense layer in float64: every shape of step, every loss, near-singular steps and long runs.

#include "exact_reference.h"

#include "base/pool.h"

namespace {

using namespace exact_reference;

// Orthogonal examples of length `length`, the first of which comes `copies` times.
Minibatch orthogonalBatch(const HeadConfig& config, size_t count, float length, size_t copies = 1) {
  Minibatch batch;
  for (size_t j = 0; j + 1 < count + copies; j++) {
    const size_t axis = j < copies ? 0 : j - copies + 1;
    for (size_t i = 0; i < config.hiddenSize; i++) batch.hidden.push_back(i == axis ? length : 0);
    batch.classes.push_back(static_cast<uint32_t>(7 * j % config.numClasses));
    batch.values.push_back(1);
    batch.endExample();
  }
  return batch;
}

}  // namespace

TEST(everyLossInEveryShape) {
  const LossChoice losses[] = {kSquared,
                               {"weighted-squared-error", {0.1, 2}},
                               {"spherical-softmax", {0.05}},
                               {"taylor-softmax", {}},
                               {"z-loss", {0.1, 8}}};
  for (const LossChoice& loss : losses) {
    for (const bool bias : {false, true}) {
      for (const size_t m : {size_t{1}, size_t{6}, size_t{10}, size_t{11}, size_t{40}}) {
        const HeadConfig config = {60, 10, bias};
        Pair pair(config, loss);
        for (uint64_t step = 0; step < 12; step++) pair.step(randomBatch(config, m, step), rate(0.05), 1e-5);
        CHECK_NEAR(pair.weightError(), 0, 2e-6);
      }
    }
  }
}

TEST(shares) {
  for (const size_t m : {size_t{6}, size_t{30}}) {
    for (const double share : {0.3, 0.9, 1.0, 1.5}) {
      const HeadConfig config = {50, 12, true};
      Pair pair(config, kSquared);
      for (uint64_t step = 0; step < 150; step++) {
        const Minibatch batch = randomBatch(config, m, step);
        pair.step(batch, rate(rateForShare(config, batch, share)), 2e-5);
      }
      CHECK_NEAR(pair.weightError(), 0, 5e-6);
    }
  }
}

TEST(manyDirectionsExactlySingular) {
  // Each axis has 2 lr gq |h|^2 = 2 lr / m * 4 = 1: all of them are wiped out by one step.
  for (const size_t count : {size_t{1}, size_t{2}, size_t{7}, size_t{16}}) {
    const HeadConfig config = {40, 16, false};
    Pair pair(config, kSquared);
    const Minibatch batch = orthogonalBatch(config, count, 2);
    for (uint64_t step = 0; step < 20; step++) {
      pair.step(batch, rate(static_cast<double>(count) / 8), 5e-5);
      pair.step(randomBatch(config, 5, step), rate(0.02), 5e-5);
    }
    CHECK(pair.head.diagnostics()["denseEntries"] >= 20 * static_cast<double>(count));
    CHECK_NEAR(pair.weightError(), 0, 5e-6);
  }
}

TEST(moreSingularDirectionsThanASplitTakes) {
  for (const size_t copies : {size_t{1}, size_t{40}}) {  // narrow, and wide
    const HeadConfig config = {30, 96, false};
    Pair pair(config, kSquared);
    const Minibatch batch = orthogonalBatch(config, 96, 1, copies);
    const double m = static_cast<double>(batch.m);
    for (uint64_t step = 0; step < 3; step++) {
      pair.step(batch, rate(m / 2), 5e-5);
      pair.step(randomBatch(config, 5, step), rate(0.01), 5e-5);
    }
    CHECK_NEAR(pair.weightError(), 0, 1e-5);
  }
}

TEST(copiesOfOneExample) {
  // Together they take the whole of their direction, each alone a part of it; m below and above d.
  for (const size_t copies : {size_t{4}, size_t{20}}) {
    const HeadConfig config = {40, 12, false};
    Pair pair(config, kSquared);
    const Minibatch batch = orthogonalBatch(config, 3, 1, copies);
    const double m = static_cast<double>(batch.m);
    for (uint64_t step = 0; step < 20; step++) {
      pair.step(batch, rate(m / 2 / static_cast<double>(copies)), 2e-5);
      pair.step(randomBatch(config, 5, step), rate(0.02), 2e-5);
    }
    CHECK_NEAR(pair.weightError(), 0, 5e-6);
  }
}

TEST(weightDecayFoldsManyTimes) {
  for (const size_t m : {size_t{4}, size_t{20}}) {
    const HeadConfig config = {40, 8, true};
    Pair pair(config, {"taylor-softmax", {}});
    // 0.9^600 is 256^-11.
    for (uint64_t step = 0; step < 600; step++) pair.step(randomBatch(config, m, step), rate(0.2, 0.5), 4e-5);
    CHECK_NEAR(pair.weightError(), 0, 5e-6);
    // Steps that keep a hundredth of W: gamma folds in every one.
    for (uint64_t step = 0; step < 4; step++) pair.step(randomBatch(config, m, step), rate(1e-3, 990), 2e-5);
    CHECK_NEAR(pair.weightError(), 0, 5e-6);
  }
}

TEST(clipping) {
  for (const size_t m : {size_t{5}, size_t{25}}) {
    const HeadConfig config = {40, 10, true};
    Pair pair(config, kSquared);
    for (const double clipNorm : {0.0, 1e-3, 0.5, 1e9}) {
      for (uint64_t step = 0; step < 10; step++) {
        pair.step(randomBatch(config, m, step), rate(0.05, 0.01, clipNorm), 1e-5);
      }
    }
    CHECK_NEAR(pair.weightError(), 0, 2e-6);
  }
}

TEST(aRateOfZeroChangesNothing) {
  const HeadConfig config = {40, 10, true};
  Pair pair(config, {"z-loss", {0.1, 8}});
  for (uint64_t step = 0; step < 10; step++) pair.step(randomBatch(config, 5, step), rate(0.1), 1e-5);
  const std::vector<float> before = pair.rows();
  for (uint64_t step = 0; step < 10; step++) pair.step(randomBatch(config, 5, step), rate(0, 1), 1e-5);
  CHECK(pair.rows() == before);
}

TEST(negativeGqMakesUGrow) {
  // A weight of -1 on what is no target makes gq negative: W grows in every direction, and U is held in its band.
  for (const size_t m : {size_t{5}, size_t{25}}) {
    const HeadConfig config = {40, 8, false};
    Pair pair(config, {"weighted-squared-error", {-1, 1}}, 1e-3);
    for (uint64_t step = 0; step < 150; step++) {
      const Minibatch batch = randomBatch(config, m, step);
      pair.step(batch, rate(rateForShare(config, batch, 0.1)), 5e-5);
    }
    CHECK(pair.head.diagnostics()["corrections"] > 5);
    CHECK_NEAR(pair.weightError(), 0, 1e-5);
  }
}

TEST(refreshAndDrift) {
  for (const size_t numClasses : {size_t{40}, size_t{700}}) {
    const HeadConfig config = {numClasses, 10, true};
    Pair pair(config, kSquared);
    for (uint64_t step = 0; step < 60; step++) {
      const Minibatch batch = randomBatch(config, 8, step);
      pair.step(batch, rate(rateForShare(config, batch, 0.7), 0.01), 2e-5);
      if (step == 20) pair.head.refresh();
    }
    const widehead::Drift before = pair.head.drift();
    CHECK(before.q < 1e-5 && before.wbar < 1e-5 && before.inverse < 1e-5);
    // A forward pass made before a refresh is still good.
    const Minibatch batch = randomBatch(config, 8, 99);
    pair.forward(batch);
    pair.head.refresh();
    const widehead::Drift after = pair.head.drift();
    CHECK(after.q < 3e-7 && after.wbar < 3e-7 && after.inverse < 3e-7);
    CHECK(pair.head.diagnostics()["rowsBehind"] == 0);
    CHECK(pair.head.diagnostics()["logEntriesHeld"] <= 8);  // a stretch is 4, and an append may be more than one
    pair.head.apply(*pair.pass, rate(0.01));
    pair.reference.step(batch, kSquared, rate(0.01));
    CHECK_NEAR(pair.weightError(), 0, 5e-6);
  }
}

TEST(threadsChangeNothing) {
  // Two threads run the same sums in the same order as one where the partition allows it, and always the same as
  // another run on two.
  const HeadConfig config = {300, 70, true};
  std::vector<std::vector<float>> results;
  for (const size_t threads : {size_t{1}, size_t{2}, size_t{2}}) {
    widehead::setThreads(threads);
    Pair pair(config, kSquared);
    for (uint64_t step = 0; step < 30; step++) {
      const Minibatch batch = randomBatch(config, step % 2 == 0 ? 60 : 90, step);
      pair.step(batch, rate(rateForShare(config, batch, 0.9)), 2e-5);
    }
    CHECK_NEAR(pair.weightError(), 0, 5e-6);
    results.push_back(pair.rows());
  }
  CHECK(results[1] == results[2]);
  CHECK_NEAR(relativeError(results[0], results[1]), 0, 2e-6);
}

TEST(aPassWeighsTheScratchOfItsStep) {
  for (const size_t m : {size_t{6}, size_t{30}}) {
    const HeadConfig config = {50, 12, false};
    Pair pair(config, kSquared);
    pair.step(randomBatch(config, m, 0), rate(0.1), 1e-5);
    const auto& pass = static_cast<const widehead::ExactHeadPass&>(*pair.pass);
    const size_t n = config.hiddenSize, least = std::min(m, n);
    // X, and of what a step multiplies at least: one matrix of its examples, the system, its inverse and its factors.
    const size_t scratch = 4 * (2 * m * n) + 8 * (3 * least * least);
    CHECK(pass.bytes() - pass.ExactPass::bytes() >= scratch);
    CHECK(pass.bytes() - pass.ExactPass::bytes() <= 100 * scratch);
  }
}

TEST(logitsAndTheBestOfThem) {
  const HeadConfig config = {1500, 9, true};  // more than one block
  Pair pair(config, kSquared);
  for (uint64_t step = 0; step < 10; step++) pair.step(randomBatch(config, 5, step), rate(0.05, 0.1), 1e-5);
  const Minibatch batch = randomBatch(config, 3, 50);
  std::vector<uint32_t> all(config.numClasses);
  for (uint32_t c = 0; c < all.size(); c++) all[c] = static_cast<uint32_t>(all.size()) - 1 - c;
  std::vector<float> logits(3 * all.size()), best(3 * 4);
  std::vector<int32_t> classes(3 * 4);
  pair.head.logits(logits.data(), batch.hidden.data(), 3, all.data(), all.size());
  pair.head.topK(classes.data(), best.data(), batch.hidden.data(), 3, 4, false);
  for (size_t j = 0; j < 3; j++) {
    for (size_t i = 0; i < all.size(); i++) {
      double o = pair.reference.w[all[i] * 10 + 9];
      for (size_t p = 0; p < 9; p++) o += pair.reference.w[all[i] * 10 + p] * batch.hidden[j * 9 + p];
      CHECK_NEAR(logits[j * all.size() + i], o, 1e-5);
    }
    const auto first = logits.begin() + static_cast<ptrdiff_t>(j * all.size());
    std::vector<float> sorted(first, first + static_cast<ptrdiff_t>(all.size()));
    std::sort(sorted.rbegin(), sorted.rend());
    for (size_t i = 0; i < 4; i++) CHECK_NEAR(best[j * 4 + i], sorted[i], 1e-6);
  }
}

TEST_MAIN
