// A dense output layer in float64, written as plainly as possible: what the exact head is compared with.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "check.h"

#include "heads/exact_head.h"

namespace exact_reference {

using widehead::ApplyOptions;
using widehead::ExactHead;
using widehead::HeadConfig;
using widehead::InitConfig;
using widehead::Pass;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct LossChoice {
  const char* name;
  std::vector<double> parameters;
};

struct Minibatch {
  size_t m = 0;
  std::vector<float> hidden;  // m x d
  std::vector<uint32_t> indptr = {0}, classes;
  std::vector<float> values;

  void endExample() {
    indptr.push_back(static_cast<uint32_t>(classes.size()));
    m++;
  }
  widehead::TargetsInput targets() const { return {m, indptr.data(), classes.data(), classes.size(), values.data()}; }
};

struct StepResult {
  double loss = 0, gradNorm = 0;
  std::vector<double> dHidden;
};

class DenseReference {
 public:
  DenseReference(const HeadConfig& config, std::vector<float> weights)
      : config_(config), n_(config.hiddenSize + (config.bias ? 1 : 0)), w(config.numClasses * n_) {
    for (size_t r = 0; r < config.numClasses; r++) {
      for (size_t j = 0; j < config.hiddenSize; j++) w[r * n_ + j] = weights[r * config.hiddenSize + j];
    }
  }

  StepResult step(const Minibatch& batch, const LossChoice& loss, const ApplyOptions& options) {
    const size_t m = batch.m, numClasses = config_.numClasses, d = config_.hiddenSize;
    const double share = 1.0 / static_cast<double>(m);
    StepResult result;
    result.dHidden.assign(m * d, 0);
    std::vector<double> gradient(w.size());
    for (size_t j = 0; j < m; j++) {
      std::vector<double> h(batch.hidden.begin() + static_cast<ptrdiff_t>(j * d),
                            batch.hidden.begin() + static_cast<ptrdiff_t>((j + 1) * d));
      if (config_.bias) h.push_back(1);
      std::vector<double> o(numClasses), g(numClasses);
      double q = 0, s = 0;
      for (size_t c = 0; c < numClasses; c++) {
        for (size_t i = 0; i < n_; i++) o[c] += w[c * n_ + i] * h[i];
        q += o[c] * o[c];
        s += o[c];
      }
      std::map<uint32_t, float> targets;
      for (uint32_t k = batch.indptr[j]; k < batch.indptr[j + 1]; k++) targets[batch.classes[k]] += batch.values[k];
      std::vector<double> a, ga(targets.size());
      std::vector<float> values;
      for (const auto& [id, value] : targets) {
        a.push_back(o[id]);
        values.push_back(value);
      }
      const uint32_t indptr[] = {0, static_cast<uint32_t>(targets.size())};
      double gq = 0, gs = 0, value = 0;
      widehead::findLoss(loss.name)->compute(
          {1, numClasses, &q, &s, indptr, a.data(), values.data(), &value, &gq, &gs, ga.data()}, loss.parameters.data());
      result.loss += share * value;
      for (size_t c = 0; c < numClasses; c++) g[c] = share * (2 * gq * o[c] + gs);
      size_t k = 0;
      for (const auto& [id, unused] : targets) g[id] += share * ga[k++];
      for (size_t c = 0; c < numClasses; c++) {
        for (size_t i = 0; i < n_; i++) gradient[c * n_ + i] += g[c] * h[i];
        for (size_t i = 0; i < d; i++) result.dHidden[j * d + i] += g[c] * w[c * n_ + i];
      }
    }
    for (double x : gradient) result.gradNorm += x * x;
    result.gradNorm = std::sqrt(result.gradNorm);
    const double rate =
        options.learningRate * (result.gradNorm > options.clipNorm ? options.clipNorm / result.gradNorm : 1);
    for (size_t i = 0; i < w.size(); i++) {
      w[i] = (1 - options.learningRate * options.weightDecay) * w[i] - rate * gradient[i];
    }
    return result;
  }

 private:
  const HeadConfig config_;
  const size_t n_;

 public:
  std::vector<double> w;  // D x features
};

template <class A, class B>
double relativeError(const A& actual, const B& expected) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < expected.size(); i++) {
    error += std::pow(static_cast<double>(actual[i]) - expected[i], 2);
    norm += std::pow(static_cast<double>(expected[i]), 2);
  }
  return norm > 0 ? std::sqrt(error / norm) : std::sqrt(error);
}

// The exact head and the reference side by side, from the same normal weights (scale 0: zeros).
class Pair {
 public:
  Pair(const HeadConfig& config, const LossChoice& loss, double scale = 0.3,
       widehead::StabilisationPolicy policy = {0.5, 0.5, 16, 1, 4})
      : config(config), loss(loss), weights_(start(config, scale)), reference(config, weights_),
        head(config, {scale > 0 ? InitConfig::Weights : InitConfig::Zeros, 0, 0, weights_.data(), nullptr}, policy, 4),
        pass(head.newPass()) {}

  StepResult forward(const Minibatch& batch) {
    pass->assign(config, batch.hidden.data(), batch.targets());
    head.score(*pass);
    pass->computeLoss(widehead::findLoss(loss.name)->compute, loss.parameters.data(), config.numClasses);
    head.differentiate(*pass);
    StepResult result;
    result.loss = pass->loss;
    result.dHidden.assign(pass->dHidden.data(), pass->dHidden.data() + batch.hidden.size());
    return result;
  }

  // One step of both; what they say must agree to `tolerance` (relative).
  void step(const Minibatch& batch, const ApplyOptions& options, double tolerance) {
    StepResult actual = forward(batch);
    actual.gradNorm = head.apply(*pass, options);
    const StepResult expected = reference.step(batch, loss, options);
    CHECK_NEAR(actual.loss, expected.loss, tolerance * (1 + std::fabs(expected.loss)));
    // A norm near 0 is the root of a difference of larger numbers.
    CHECK_NEAR(actual.gradNorm, expected.gradNorm, tolerance * (1 + expected.gradNorm));
    CHECK_NEAR(relativeError(actual.dHidden, expected.dHidden), 0, tolerance);
  }

  std::vector<float> rows() const {
    std::vector<uint32_t> all(config.numClasses);
    for (uint32_t c = 0; c < all.size(); c++) all[c] = c;
    std::vector<float> out(all.size() * head.features());
    head.rows(out.data(), all.data(), all.size());
    return out;
  }

  double weightError() const { return relativeError(rows(), reference.w); }

  const HeadConfig config;
  const LossChoice loss;

 private:
  static std::vector<float> start(const HeadConfig& config, double scale) {
    std::vector<float> weights = check::normals(config.numClasses * config.hiddenSize, 12);
    for (float& x : weights) x = static_cast<float>(scale * x);
    return weights;
  }
  const std::vector<float> weights_;

 public:
  DenseReference reference;
  ExactHead head;
  std::unique_ptr<Pass> pass;
};

inline const LossChoice kSquared = {"squared-error", {}};

inline ApplyOptions rate(double learningRate, double weightDecay = 0, double clipNorm = kInfinity) {
  return {learningRate, weightDecay, clipNorm};
}

// m examples with a common mean, as a relu layer gives; 0 to 3 targets each, low classes more often, duplicates among them.
inline Minibatch randomBatch(const HeadConfig& config, size_t m, uint64_t seed) {
  Minibatch batch;
  uint64_t draws = 0;
  const auto draw = [&] { return widehead::randomUniform(seed, draws++); };
  for (size_t j = 0; j < m; j++) {
    for (size_t i = 0; i < config.hiddenSize; i++) {
      batch.hidden.push_back(
          static_cast<float>(0.4 + 0.5 * widehead::randomNormal(seed + 1000, j * config.hiddenSize + i)));
    }
    for (int count = static_cast<int>(4 * draw()); count > 0; count--) {
      const double place = draw();
      batch.classes.push_back(static_cast<uint32_t>(place * place * static_cast<double>(config.numClasses)));
      batch.values.push_back(static_cast<float>(0.5 + draw()));
    }
    batch.endExample();
  }
  return batch;
}

// The learning rate at which a step of the squared error takes the given share of W's strongest direction.
inline double rateForShare(const HeadConfig& config, const Minibatch& batch, double share) {
  const size_t d = config.hiddenSize, n = d + (config.bias ? 1 : 0);
  std::vector<double> x(n, 1.0);
  double eigenvalue = 0;
  for (int iteration = 0; iteration < 300; iteration++) {
    std::vector<double> next(n);
    for (size_t j = 0; j < batch.m; j++) {
      const auto h = [&](size_t i) { return i < d ? static_cast<double>(batch.hidden[j * d + i]) : 1.0; };
      double dot = 0;
      for (size_t i = 0; i < n; i++) dot += h(i) * x[i];
      for (size_t i = 0; i < n; i++) next[i] += 2 * dot * h(i) / static_cast<double>(batch.m);
    }
    eigenvalue = 0;
    for (double value : next) eigenvalue += value * value;
    eigenvalue = std::sqrt(eigenvalue);
    for (size_t i = 0; i < n; i++) x[i] = next[i] / eigenvalue;
  }
  return share / eigenvalue;
}

}  // namespace exact_reference
