// The parts of the bulk softmax: the Gaussian, the list of frequent classes, and classes that examples share beside the same as targets.
#include <cmath>

#include "check.h"
#include "heads/bulk_softmax_head.h"
#include "heads/softmax_head.h"
#include "losses/gaussian_bulk.h"

using namespace widehead;

namespace {

struct Examples {
  size_t m;
  std::vector<float> hidden;
  std::vector<uint32_t> indptr = {0}, indices;

  // Example j has j % 4 targets, some of them twice.
  Examples(size_t count, size_t size, size_t numClasses, uint64_t seed)
      : m(count), hidden(check::normals(count * size, seed)) {
    for (size_t j = 0; j < m; j++) {
      for (size_t i = 0; i < j % 4; i++) {
        indices.push_back(static_cast<uint32_t>(randomBits(seed, (4 * j + i) / 2 * 2) % numClasses));
      }
      indptr.push_back(static_cast<uint32_t>(indices.size()));
    }
  }
  TargetsInput targets() const { return {m, indptr.data(), indices.data(), indices.size(), nullptr}; }
};

double step(Head& head, Pass& pass, const Examples& examples) {
  pass.assign(head.config(), examples.hidden.data(), examples.targets());
  head.score(pass);
  head.differentiate(pass);
  head.apply(pass, {0.2, 0.01, std::numeric_limits<double>::infinity()});
  return pass.loss;
}

std::vector<float> weightsOf(const Head& head) {
  const size_t numClasses = head.config().numClasses;
  std::vector<uint32_t> all(numClasses);
  for (size_t i = 0; i < numClasses; i++) all[i] = static_cast<uint32_t>(i);
  std::vector<float> rows(numClasses * head.features());
  head.rows(rows.data(), all.data(), numClasses);
  return rows;
}

const StabilisationPolicy kPolicy = {0.35, 0.5, 16, 1, 10};
const InitConfig kInit = {InitConfig::Normal, 0.3, 5, nullptr, nullptr};

}  // namespace

TEST(a_gaussian_has_the_mean_of_its_exponentials) {
  const GaussianBulk bulk(1000, 500, 1000 * (0.25 + 0.81));
  CHECK_NEAR(bulk.mean, 0.5, 1e-15);
  CHECK_NEAR(bulk.logSum(), 0.5 + 0.81 / 2 + std::log(1000), 1e-12);
}

TEST(a_wide_bulk_goes_on_with_the_same_value_and_slope) {
  const double n = 50, limit = 2 * std::log(n), step = 1e-6;
  const auto at = [&](double variance) { return GaussianBulk(n, 0, n * variance); };
  CHECK_NEAR(at(limit + step).logMean, at(limit - step).logMean, 2 * step);
  CHECK_NEAR(at(limit + step).slope, at(limit - step).slope, step);
  for (const double variance : {0.0, 0.5, 6.0, limit, 20.0, 1e6, 1e30}) {
    const GaussianBulk bulk = at(variance);
    CHECK(std::isfinite(bulk.logMean) && std::isfinite(bulk.slope) && bulk.slope > 0);
  }
}

TEST(a_bulk_of_one_is_that_output) {
  for (const double o : {-80.0, 0.0, 80.0}) {
    const GaussianBulk bulk(1, o, o * o + 1e-3);  // a square with rounding
    CHECK_NEAR(bulk.logSum(), o, 1e-12);
    CHECK_NEAR(bulk.forSum(), 1, 1e-12);
    CHECK_NEAR(bulk.forOutput(3), 1, 1e-12);
  }
  CHECK(GaussianBulk(0, 0, 0).logSum() == -std::numeric_limits<double>::infinity());
}

TEST(frequent_classes_are_those_of_the_counts) {
  const std::vector<double> counts = {3, 0, 7, 7, 1, 3};
  FrequentSettings settings;
  settings.counts = counts.data();
  settings.size = 3;
  const FrequentClasses three(settings, 6);
  CHECK((three.classes() == std::vector<uint32_t>{0, 2, 3}));
  CHECK_NEAR(three.rate(1, 0.5), std::sqrt(3.0 / 7), 1e-15);
  CHECK(three.rate(0, 0.5) == 1);
  settings.size = 100;
  CHECK((FrequentClasses(settings, 6).classes() == std::vector<uint32_t>{0, 2, 3, 4, 5}));
  settings.size = 0;
  CHECK(FrequentClasses(settings, 6).classes().empty());
}

// Minibatches on both sides of d, and of one example.
TEST(all_classes_one_by_one_are_the_full_softmax) {
  const size_t numClasses = 90, size = 10;
  for (const size_t m : {1, 7, 40}) {
    const HeadConfig config = {numClasses, size, true};
    BulkSettings settings;
    for (uint32_t i = 0; i < numClasses; i++) settings.shortlist.classes.push_back(numClasses - 1 - i);
    BulkSoftmaxHead bulk(config, kInit, kPolicy, 8, settings);
    SoftmaxHead full(config, kInit, {"sgd"});
    const auto bulkPass = bulk.newPass(), fullPass = full.newPass();
    for (uint64_t t = 0; t < 20; t++) {
      const Examples examples(m, size, numClasses, 100 + t);
      CHECK_NEAR(step(bulk, *bulkPass, examples), step(full, *fullPass, examples), 1e-5);
    }
    const std::vector<float> a = weightsOf(bulk), b = weightsOf(full);
    for (size_t i = 0; i < a.size(); i++) CHECK_NEAR(a[i], b[i], 1e-5);
  }
}

// The targets of a minibatch as shared columns, and the same list as everybody's own: two ways through the exact head.
TEST(what_is_shared_is_what_is_each_examples_own) {
  const size_t numClasses = 120, size = 9;
  for (const size_t m : {3, 30}) {
    const HeadConfig config = {numClasses, size, true};
    BulkSettings shared, own;
    own.minibatchTargets = false;
    BulkSoftmaxHead a(config, kInit, kPolicy, 8, shared), b(config, kInit, kPolicy, 8, own);
    const auto passA = a.newPass(), passB = b.newPass();
    for (uint64_t t = 0; t < 20; t++) {
      Examples examples(m, size, numClasses, 200 + t);
      // Every example names every target of the minibatch, with the value 1 or 0.
      const std::vector<uint32_t> all = examples.indices;
      std::vector<uint32_t> indptr = {0}, indices;
      std::vector<float> values;
      for (size_t j = 0; j < m; j++) {
        for (size_t k = 0; k < all.size(); k++) {
          indices.push_back(all[k]);
          values.push_back(k >= examples.indptr[j] && k < examples.indptr[j + 1] ? 1.0f : 0.0f);
        }
        indptr.push_back(static_cast<uint32_t>(indices.size()));
      }
      const double lossA = step(a, *passA, examples);
      passB->assign(config, examples.hidden.data(), {m, indptr.data(), indices.data(), indices.size(), values.data()});
      b.score(*passB);
      b.differentiate(*passB);
      b.apply(*passB, {0.2, 0.01, std::numeric_limits<double>::infinity()});
      CHECK_NEAR(lossA, passB->loss, 1e-5);
      for (size_t i = 0; i < m * size; i++) CHECK_NEAR(passA->dHidden[i], passB->dHidden[i], 1e-5);
    }
    const std::vector<float> x = weightsOf(a), y = weightsOf(b);
    for (size_t i = 0; i < x.size(); i++) CHECK_NEAR(x[i], y[i], 1e-5);
  }
}

TEST_MAIN
