// Draws of classes: what is drawn has the distribution asked for, by chi-square tests with fixed seeds.
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "check.h"
#include "sampling/alias_table.h"
#include "sampling/sampler.h"

using namespace widehead;

namespace {

// (chi-square - degrees) / sqrt(2 * degrees) is about normal: beyond 4 is a chance of 1 in 30,000.
double deviation(const std::vector<double>& observed, const std::vector<double>& expected) {
  double chi = 0;
  for (size_t i = 0; i < observed.size(); i++)
    chi += (observed[i] - expected[i]) * (observed[i] - expected[i]) / expected[i];
  const double degrees = static_cast<double>(observed.size() - 1);
  return (chi - degrees) / std::sqrt(2 * degrees);
}

std::vector<double> shares(const std::vector<double>& weights) {
  double total = 0;
  std::vector<double> result;
  for (double w : weights) total += w;
  for (double w : weights) result.push_back(w / total);
  return result;
}

// Single draws are draws from the distribution itself.
void checkSingles(const Sampler& sampler, const std::vector<double>& weights) {
  const double rounds = 200000;
  std::vector<double> observed(weights.size()), expected = shares(weights);
  std::vector<uint32_t> classes;
  std::vector<double> probabilities;
  for (uint64_t t = 0; t < rounds; t++) {
    sampler.draw(classes, probabilities, 1, 7, t);
    CHECK(classes.size() == 1);
    CHECK_NEAR(probabilities[0], expected[classes[0]], 1e-6);
    observed[classes[0]]++;
  }
  for (double& each : expected) each *= rounds;
  CHECK(std::fabs(deviation(observed, expected)) < 4);
}

// The mean of 1 / p over the draws that have a class in them is 1: what is told as p is right. The bound is `slack` and
// four standard deviations.
void checkProbabilities(const Sampler& sampler, size_t numClasses, size_t count, double slack) {
  const double rounds = 20000;
  std::vector<double> sums(numClasses), squares(numClasses), probabilities;
  std::vector<uint32_t> classes;
  for (uint64_t t = 0; t < rounds; t++) {
    sampler.draw(classes, probabilities, count, 11, t);
    CHECK(classes.size() == count && std::is_sorted(classes.begin(), classes.end()));
    CHECK(std::adjacent_find(classes.begin(), classes.end()) == classes.end());
    for (size_t i = 0; i < classes.size(); i++) {
      sums[classes[i]] += 1 / probabilities[i];
      squares[classes[i]] += 1 / (probabilities[i] * probabilities[i]);
    }
  }
  for (size_t c = 0; c < numClasses; c++) {
    const double mean = sums[c] / rounds;
    CHECK_NEAR(mean, 1, slack + 4.5 * std::sqrt(squares[c] / rounds / rounds));
  }
}

std::vector<double> zipf(size_t n) {
  std::vector<double> counts(n);
  for (size_t i = 0; i < n; i++) counts[i] = std::floor(3000.0 / static_cast<double>(1 + (i * 7) % n));
  return counts;
}

std::vector<double> powers(std::vector<double> counts, double power) {
  for (double& x : counts) x = std::pow(std::max(x, 1.0), power);
  return counts;
}

}  // namespace

TEST(alias_table_has_the_distribution) {
  for (size_t n : {1u, 2u, 7u, 1000u}) {
    std::vector<double> weights(n), observed(n);
    for (size_t i = 0; i < n; i++) weights[i] = i % 5 == 3 ? 0 : std::exp(static_cast<double>(i % 13) - 6);
    AliasTable table(n);
    table.build([&](size_t i) { return weights[i]; });
    // On a grid of all u, every number has its share to within a few points of the grid.
    const size_t points = 1 << 20;
    for (size_t p = 0; p < points; p++) observed[table.draw((static_cast<double>(p) + 0.5) / points)] += 1.0 / points;
    const std::vector<double> right = shares(weights);
    for (size_t i = 0; i < n; i++) {
      CHECK_NEAR(observed[i], right[i], static_cast<double>(n + 2) / points);
      CHECK_NEAR(table.share(i), right[i], 1e-7);
    }
  }
}

TEST(uniform_draws) {
  const auto sampler = makeSampler({"uniform", 0, {}}, 40);
  checkSingles(*sampler, std::vector<double>(40, 1));
  for (size_t count : {3u, 20u, 39u, 40u}) checkProbabilities(*sampler, 40, count, 0);
}

TEST(log_uniform_draws) {
  std::vector<double> weights;
  for (int c = 0; c < 40; c++) weights.push_back(std::log((c + 2.0) / (c + 1.0)));
  const auto sampler = makeSampler({"log-uniform", 0, {}}, 40);
  checkSingles(*sampler, weights);
  // Drawing stops with a class that is new, which the expected count does not know.
  checkProbabilities(*sampler, 40, 10, 0.06);
}

TEST(unigram_draws) {
  for (double power : {0.0, 0.75, 1.0}) {
    const auto sampler = makeSampler({"unigram", power, zipf(40)}, 40);
    checkSingles(*sampler, powers(zipf(40), power));
    checkProbabilities(*sampler, 40, 10, 0.06);
  }
}

TEST(gathered_counts_take_effect_at_powers_of_two) {
  const auto sampler = makeSampler({"unigram", 1, {}}, 10);
  const std::vector<uint32_t> classes = {2, 9}, ends = {0, 3, 4};
  for (uint64_t update = 1; update < 64; update++) sampler->observe(classes, ends, update);
  checkSingles(*sampler, std::vector<double>(10, 1));
  sampler->observe(classes, ends, 64);
  std::vector<double> counts(10, 1);
  counts[2] = 192;
  counts[9] = 64;
  checkSingles(*sampler, counts);
  for (uint64_t update = 65; update < 128; update++) sampler->observe({0}, {0, 50}, update);
  checkSingles(*sampler, counts);
}

TEST(draws_depend_on_seed_and_number_alone) {
  for (const char* kind : {"uniform", "log-uniform", "unigram"}) {
    const auto sampler = makeSampler({kind, 0.75, {}}, 1000);
    std::vector<uint32_t> a, b, c, d;
    std::vector<double> p;
    sampler->draw(a, p, 50, 1, 5);
    sampler->draw(c, p, 50, 1, 6);
    sampler->draw(d, p, 50, 2, 5);
    sampler->draw(b, p, 50, 1, 5);
    CHECK(a == b && a != c && a != d && c != d);
  }
}

TEST(a_draw_ends_where_almost_all_weight_is_on_one_class) {
  std::vector<double> counts(1000, 0);
  counts[3] = 1e15;
  const auto sampler = makeSampler({"unigram", 1, counts}, 1000);
  std::vector<uint32_t> classes;
  std::vector<double> p;
  sampler->draw(classes, p, 100, 1, 0);
  CHECK(classes.size() >= 1 && classes.size() < 100);
  CHECK(std::find(classes.begin(), classes.end(), 3u) != classes.end());
}

TEST(counts_that_are_no_counts_are_refused) {
  for (double wrong : {-1.0, std::nan(""), HUGE_VAL}) {
    bool thrown = false;
    try {
      makeSampler({"unigram", 1, {1, 2, wrong}}, 3);
    } catch (const Error& error) {
      thrown = std::string(error.what()).find("index 2") != std::string::npos;
    }
    CHECK(thrown);
  }
}

TEST_MAIN
