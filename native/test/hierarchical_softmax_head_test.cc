// The head against a float64 model that walks the tree: losses, gradients by finite differences, updates, reading and searching.

#include "heads/hierarchical_softmax_head.h"

#include <algorithm>
#include <numeric>

#include "base/pool.h"
#include "check.h"
#include "hierarchical_softmax_reference.h"

using namespace widehead;
using reference::Batch;
using reference::Model;
using reference::randomBatch;
using reference::Start;

namespace {

// Score, differentiate and apply; the gradient's norm.
double step(HierarchicalSoftmaxHead& head, Pass& pass, const Batch& batch, const ApplyOptions& options) {
  pass.assign(head.config(), batch.hidden.data(), batch.targets());
  head.score(pass);
  head.differentiate(pass);
  return head.apply(pass, options);
}

std::vector<double> skewed(size_t numClasses, uint64_t seed) {
  std::vector<double> counts(numClasses);
  for (size_t c = 0; c < numClasses; c++) counts[c] = std::floor(100 / (1 + 30 * randomUniform(seed, c)));
  return counts;
}

std::vector<double> wide(const std::vector<float>& x) { return {x.begin(), x.end()}; }

double norm(const std::vector<double>& x) { return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0)); }

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST(lossesAndGradientsAreThoseOfFiniteDifferences) {
  check::eachIsa([] {
    for (const size_t numClasses : {1, 2, 3, 9, 40}) {
      for (const bool bias : {false, true}) {
        const size_t d = 5, m = 6;
        const Start start(numClasses, d, 0.7, 3);
        HierarchicalSoftmaxHead head({numClasses, d, bias}, start.init(bias), {"sgd"}, skewed(numClasses, 4).data());
        Model model(head);
        const Batch batch = randomBatch(m, d, numClasses, 5);
        auto pass = head.newPass();
        const double gradNorm = step(head, *pass, batch, {1, 0, kInfinity});

        std::vector<double> hidden = wide(batch.hidden);
        for (size_t j = 0; j < m; j++) CHECK_NEAR(pass->losses[j], model.lossOf(batch, hidden, j), 2e-6);
        CHECK_NEAR(pass->loss, model.loss(batch, hidden), 1e-6);
        constexpr double kStep = 1e-5;
        const auto slope = [&](double& x) {
          const double before = x;
          x = before + kStep;
          const double right = model.loss(batch, hidden);
          x = before - kStep;
          const double left = model.loss(batch, hidden);
          x = before;
          return (right - left) / (2 * kStep);
        };
        for (size_t i = 0; i < hidden.size(); i++) CHECK_NEAR(pass->dHidden[i], slope(hidden[i]), 1e-6);
        const Model after(head);
        std::vector<double> gradient(model.w.size());
        for (size_t i = 0; i < gradient.size(); i++) {
          gradient[i] = slope(model.w[i]);
          CHECK_NEAR(model.w[i] - after.w[i], gradient[i], 2e-6);
        }
        CHECK_NEAR(gradNorm, norm(gradient), 1e-6);
      }
    }
  });
}

TEST(manyStepsAreTheFloat64Models) {
  for (const char* kind : {"sgd", "adagrad"}) {
    const size_t numClasses = 60, d = 7, m = 9;
    const Start start(numClasses, d, 0.5, 6);
    OptimizerSettings optimizer = {kind};
    optimizer.rowwise = false;
    HierarchicalSoftmaxHead head({numClasses, d, true}, start.init(true), optimizer, skewed(numClasses, 7).data());
    Model model(head);
    std::vector<double> sums(model.w.size());
    auto pass = head.newPass();
    for (uint64_t t = 0; t < 100; t++) {
      const Batch batch = randomBatch(m, d, numClasses, 100 + 2 * t);
      const double rate = 0.1, decay = 0.2, clip = t % 2 == 0 ? 0.3 : kInfinity;
      const std::vector<double> gradient = model.gradient(batch);
      const double gradNorm = step(head, *pass, batch, {rate, decay, clip});
      CHECK_NEAR(gradNorm, norm(gradient), 1e-5);
      // Rows that no target lies below stay as they are: they do not even decay.
      for (const uint32_t node : model.nodesOf(batch)) {
        for (size_t i = node * model.features; i < (node + 1) * model.features; i++) {
          const double g = gradient[i] * std::min(1.0, clip / norm(gradient));
          sums[i] += g * g;
          model.w[i] *= 1 - rate * decay;
          model.w[i] -= std::string(kind) == "sgd" ? rate * g : g == 0 ? 0 : rate * g / std::sqrt(sums[i]);
        }
      }
    }
    const Model trained(head);
    for (size_t i = 0; i < model.w.size(); i++) CHECK_NEAR(trained.w[i], model.w[i], 2e-5);
  }
}

TEST(anAdamStepHasTheLengthOfItsRate) {
  const Start start(30, 4, 0.5, 6);
  OptimizerSettings optimizer = {"adam"};
  optimizer.epsilon = 1e-12;
  HierarchicalSoftmaxHead head({30, 4, true}, start.init(true), optimizer, nullptr);
  const Model before(head);
  const Batch batch = randomBatch(8, 4, 30, 9);
  const std::vector<double> gradient = before.gradient(batch);
  auto pass = head.newPass();
  step(head, *pass, batch, {0.01, 0, kInfinity});
  const Model after(head);
  for (size_t i = 0; i < gradient.size(); i++) {
    if (std::fabs(gradient[i]) > 1e-6) CHECK_NEAR(after.w[i] - before.w[i], gradient[i] > 0 ? -0.01 : 0.01, 1e-5);
    if (gradient[i] == 0) CHECK(after.w[i] == before.w[i]);
  }
}

TEST(probabilitiesAddUpToOne) {
  // More classes and examples than one block of logits.
  for (const size_t numClasses : {1, 2, 3, 1000, 2500}) {
    const size_t d = 6, m = 300;
    const Start start(numClasses, d, 0.8, 8);
    const HierarchicalSoftmaxHead head({numClasses, d, true}, start.init(true), {"sgd"}, skewed(numClasses, 9).data());
    const Model model(head);
    const std::vector<float> hidden = check::normals(m * d, 10);
    std::vector<uint32_t> all(numClasses);
    std::iota(all.begin(), all.end(), 0);
    std::reverse(all.begin(), all.end());
    std::vector<float> out(m * numClasses);
    head.logits(out.data(), hidden.data(), m, all.data(), numClasses);
    for (size_t j = 0; j < m; j++) {
      double sum = 0;
      for (size_t c = 0; c < numClasses; c++) sum += std::exp(double{out[j * numClasses + c]});
      CHECK_NEAR(sum, 1, 1e-6);
    }
    const std::vector<double> last(&hidden[(m - 1) * d], &hidden[(m - 1) * d] + d);
    for (size_t c = 0; c < numClasses; c++) {
      const double right = model.logProbability(all[c], last.data());
      CHECK_NEAR(out[(m - 1) * numClasses + c], right, 2e-6 * (1 - right));
    }
  }
}

TEST(searchIsBruteForce) {
  for (const double scale : {0.0, 0.05, 0.5, 3.0, 40.0}) {
    for (const size_t numClasses : {1, 2, 3, 64, 700}) {
      const size_t d = 4, m = 12;
      const Start start(numClasses, d, scale, 11);
      // At a scale of 0 all classes of one depth are equal: ties to the lower id.
      const HierarchicalSoftmaxHead head({numClasses, d, true}, start.init(true), {"sgd"},
                                         skewed(numClasses, 12).data());
      const std::vector<float> hidden = check::normals(m * d, 13);
      std::vector<uint32_t> all(numClasses);
      std::iota(all.begin(), all.end(), 0);
      std::vector<float> out(m * numClasses);
      head.logits(out.data(), hidden.data(), m, all.data(), numClasses);
      for (const size_t k : {size_t{1}, size_t{2}, size_t{10}, numClasses / 2, numClasses}) {
        if (k == 0 || k > numClasses) continue;
        std::vector<int32_t> classes(m * k);
        std::vector<float> best(m * k);
        head.topK(classes.data(), best.data(), hidden.data(), m, k, false);
        for (size_t j = 0; j < m; j++) {
          const float* o = &out[j * numClasses];
          std::vector<uint32_t> ranked = all;
          std::stable_sort(ranked.begin(), ranked.end(), [&](uint32_t a, uint32_t b) { return o[a] > o[b]; });
          for (size_t i = 0; i < k; i++) {
            CHECK(classes[j * k + i] == static_cast<int32_t>(ranked[i]));
            CHECK(best[j * k + i] == o[ranked[i]]);
          }
        }
      }
    }
  }
}

TEST(farFromZeroNothingOverflows) {
  // Log-odds of 1e4 and more: probabilities of 0 and 1 to all digits, and logarithms that are still right.
  const Start start(20, 3, 1e4, 14);
  HierarchicalSoftmaxHead head({20, 3, false}, start.init(false), {"sgd"}, nullptr);
  const Model model(head);
  const Batch batch = randomBatch(10, 3, 20, 15);
  const std::vector<double> hidden = wide(batch.hidden);
  auto pass = head.newPass();
  step(head, *pass, batch, {0, 0, kInfinity});
  for (size_t j = 0; j < 10; j++) {
    const double right = model.lossOf(batch, hidden, j);
    CHECK_NEAR(pass->losses[j], right, 1e-6 * (1 + right));
  }
}

TEST(threadsDoNotShow) {
  const size_t before = threads(), numClasses = 900, d = 33, m = 150;
  std::vector<float> first;
  for (const size_t count : {1, 2, 3, 5}) {
    setThreads(count);
    HierarchicalSoftmaxHead head({numClasses, d, true}, {InitConfig::Normal, 0.3, 17, nullptr, nullptr}, {"adagrad"},
                                 skewed(numClasses, 16).data());
    auto pass = head.newPass();
    std::vector<float> seen;
    for (uint64_t t = 0; t < 5; t++) {
      seen.push_back(static_cast<float>(step(head, *pass, randomBatch(m, d, numClasses, 20 + 2 * t), {0.1, 0.1, 0.5})));
      seen.push_back(static_cast<float>(pass->loss));
      seen.insert(seen.end(), pass->dHidden.data(), pass->dHidden.data() + m * d);
    }
    const Model model(head);
    seen.insert(seen.end(), model.w.begin(), model.w.end());
    if (first.empty()) first = seen;
    CHECK(seen == first);
  }
  setThreads(before);
}

TEST_MAIN
