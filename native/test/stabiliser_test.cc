// The watch on U: what orthogonal iteration finds, and that nothing the stabiliser does changes W.

#include <algorithm>
#include <cmath>

#include "check.h"

#include "base/pool.h"
#include "exact/stabiliser.h"
#include "heads/head.h"

namespace {

using widehead::FactoredWeights;
using widehead::SingularBlock;
using widehead::Stabiliser;
using widehead::StepEffect;

// P diag(values) Q with reflections P and Q.
std::vector<double> withValues(const std::vector<double>& values, uint64_t seed) {
  const size_t n = values.size();
  std::vector<double> m(n * n), p(n), q(n);
  double squareP = 0, squareQ = 0;
  for (size_t i = 0; i < n; i++) {
    p[i] = widehead::randomNormal(seed, i);
    q[i] = widehead::randomNormal(seed + 1, i);
    squareP += p[i] * p[i];
    squareQ += q[i] * q[i];
  }
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) {
      for (size_t k = 0; k < n; k++) {
        const double left = (i == k) - 2 * p[i] * p[k] / squareP, right = (k == j) - 2 * q[k] * q[j] / squareQ;
        m[i * n + j] += left * values[k] * right;
      }
    }
  }
  return m;
}

// Weights whose U has these singular values, U^-T to match.
void prepare(FactoredWeights& w, const std::vector<double>& values) {
  const size_t n = values.size();
  w.init({widehead::InitConfig::Normal, 1, 9, nullptr, nullptr}, n);
  std::vector<double> inverse(n);
  for (size_t i = 0; i < n; i++) inverse[i] = 1 / values[i];
  const std::vector<double> u = withValues(values, 5), ui = withValues(inverse, 5);
  for (size_t i = 0; i < n * n; i++) {
    w.u.set(i / n, i % n, u[i]);
    w.ui.set(i / n, i % n, ui[i]);
  }
}

std::vector<float> rowsOf(const FactoredWeights& w) {
  std::vector<uint32_t> classes(w.numClasses());
  for (uint32_t c = 0; c < classes.size(); c++) classes[c] = c;
  std::vector<float> rows(classes.size() * w.features());
  w.rows(rows.data(), classes.data(), classes.size());
  return rows;
}

double largestValue(const widehead::CompensatedMatrix& matrix, size_t n) {
  SingularBlock block(n, 77);
  block.iterate(matrix.hi(), 60);
  return block.value(0);
}

constexpr widehead::StabilisationPolicy kPolicy = {0.5, 0.5, 16, 1, 1};

}  // namespace

TEST(theBlockFindsTheLargestValuesAndTheirVectors) {
  for (const size_t threads : {size_t{1}, size_t{2}}) {
    widehead::setThreads(threads);
    for (const size_t n : {size_t{1}, size_t{2}, size_t{3}, size_t{5}, size_t{150}}) {
      std::vector<double> values(n);
      for (size_t i = 0; i < n; i++) values[i] = 4 * std::pow(0.7, static_cast<double>(i));
      const std::vector<double> m = withValues(values, 11);
      std::vector<float> matrix(m.begin(), m.end());
      SingularBlock block(n, 3);
      block.iterate({matrix.data(), n, n}, 30);
      for (size_t i = 0; i < std::min<size_t>(n, SingularBlock::kVectors); i++) {
        CHECK_NEAR(block.value(i), values[i], 1e-4);
        double square = 0;  // |M^T x| is the value
        for (size_t j = 0; j < n; j++) {
          double sum = 0;
          for (size_t k = 0; k < n; k++) sum += m[k * n + j] * block.vector(i)[k];
          square += sum * sum;
        }
        CHECK_NEAR(std::sqrt(square), values[i], 1e-4);
      }
    }
  }
}

TEST(correctionsBringUIntoItsBandAndLeaveW) {
  for (const size_t n : {size_t{1}, size_t{2}, size_t{12}, size_t{80}}) {
    FactoredWeights w(50, n, std::max<size_t>(8, n / 2));
    std::vector<double> values(n);
    for (size_t i = 0; i < n; i++) values[i] = std::exp(1.5 * std::sin(static_cast<double>(i) + 1));
    prepare(w, values);
    const std::vector<float> before = rowsOf(w);
    Stabiliser stabiliser(n);
    StepEffect violent;
    violent.contraction = 0;
    violent.growth = 10;
    for (size_t step = 0; step < 40; step++) stabiliser.afterStep(w, violent, 128, kPolicy);
    CHECK(largestValue(w.u, n) < 2.05);
    CHECK(largestValue(w.ui, n) < 2.05);
    CHECK(w.drift().inverse < 1e-6);
    const std::vector<float> after = rowsOf(w);
    double error = 0, norm = 0;
    for (size_t i = 0; i < before.size(); i++) {
      error += std::pow(before[i] - after[i], 2);
      norm += std::pow(before[i], 2);
    }
    CHECK(std::sqrt(error / norm) < 1e-6);
  }
}

TEST(featuresThatContractTogetherCostOneEntry) {
  constexpr size_t n = 60;
  FactoredWeights w(20, n, 30);
  std::vector<double> values(n);
  for (size_t i = 0; i < n; i++) values[i] = 0.62 + 0.001 * static_cast<double>(i);
  prepare(w, values);
  const std::vector<float> before = rowsOf(w);
  Stabiliser stabiliser(n);
  StepEffect effect;
  effect.contraction = 0.4;
  for (size_t step = 0; step < 20; step++) stabiliser.afterStep(w, effect, 128, kPolicy);
  CHECK(stabiliser.corrections() == 0);
  CHECK(w.v.log().end() > 0 && w.v.log().end() < 10);
  CHECK(largestValue(w.ui, n) < 1.4);
  const std::vector<float> after = rowsOf(w);
  for (size_t i = 0; i < before.size(); i++)
    CHECK_NEAR(after[i], before[i], 2e-6 * std::max(1.0f, std::fabs(before[i])));
}

TEST_MAIN
