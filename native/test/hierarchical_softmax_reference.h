// Hierarchical softmax in float64 as its formula reads, and minibatches and weights to try it with.
#pragma once

#include <numeric>
#include <set>
#include <vector>

#include "check.h"
#include "heads/hierarchical_softmax_head.h"

namespace reference {

using namespace widehead;

struct Batch {
  size_t m;
  std::vector<float> hidden;
  std::vector<uint32_t> indptr = {0}, indices = {};
  std::vector<float> values = {};
  TargetsInput targets() const { return {m, indptr.data(), indices.data(), indices.size(), values.data()}; }
};

// 0 to 3 targets an example, some twice, of weights that are no distribution.
inline Batch randomBatch(size_t m, size_t d, size_t numClasses, uint64_t seed) {
  Batch batch = {m, check::normals(m * d, seed)};
  for (size_t j = 0; j < m; j++) {
    for (uint64_t count = randomBits(seed, j) % 4; count > 0; count--) {
      const uint64_t bits = randomBits(seed + 1, 4 * j + count);
      batch.indices.push_back(static_cast<uint32_t>(bits % numClasses));
      batch.values.push_back(0.25f * static_cast<float>(1 + bits % 7));
    }
    batch.indptr.push_back(static_cast<uint32_t>(batch.indices.size()));
  }
  return batch;
}

// D x d weights and D biases.
struct Start {
  std::vector<float> weights, biases;
  Start(size_t numClasses, size_t d, double scale, uint64_t seed)
      : weights(check::normals(numClasses * d, seed)), biases(check::normals(numClasses, seed + 1)) {
    for (float& w : weights) w *= static_cast<float>(scale);
    for (float& b : biases) b *= static_cast<float>(scale);
  }
  InitConfig init(bool bias) const {
    return {InitConfig::Weights, 0, 0, weights.data(), bias ? biases.data() : nullptr};
  }
};

// The same model in float64, as its formula reads.
struct Model {
  const HuffmanTree& tree;
  size_t d, features;
  std::vector<double> w;  // D x features

  Model(const HierarchicalSoftmaxHead& head)
      : tree(head.tree()), d(head.config().hiddenSize), features(head.features()) {
    std::vector<uint32_t> all(head.config().numClasses);
    std::iota(all.begin(), all.end(), 0);
    std::vector<float> rows(all.size() * features);
    head.rows(rows.data(), all.data(), all.size());
    w.assign(rows.begin(), rows.end());
  }

  double logOdds(size_t node, const double* h) const {
    double z = features > d ? w[node * features + d] : 0;
    for (size_t i = 0; i < d; i++) z += w[node * features + i] * h[i];
    return z;
  }
  // The edges on the way to a class.
  std::vector<uint32_t> pathTo(uint32_t classId) const {
    std::vector<uint32_t> edges;
    uint32_t edge = tree.edgeAbove(tree.placeOf(classId));
    for (; edge != HuffmanTree::kNoEdge; edge = tree.edgeAbove(edge / 2)) edges.push_back(edge);
    return edges;
  }
  double logProbability(uint32_t classId, const double* h) const {
    double sum = 0;
    for (const uint32_t edge : pathTo(classId)) {
      const double z = edge % 2 == 1 ? logOdds(edge / 2, h) : -logOdds(edge / 2, h);
      sum -= z > 0 ? std::log1p(std::exp(-z)) : std::log1p(std::exp(z)) - z;
    }
    return sum;
  }
  double lossOf(const Batch& batch, const std::vector<double>& hidden, size_t j) const {
    double loss = 0;
    for (size_t k = batch.indptr[j]; k < batch.indptr[j + 1]; k++) {
      loss -= batch.values[k] * logProbability(batch.indices[k], &hidden[j * d]);
    }
    return loss;
  }
  double loss(const Batch& batch, const std::vector<double>& hidden) const {
    double sum = 0;
    for (size_t j = 0; j < batch.m; j++) sum += lossOf(batch, hidden, j);
    return sum / static_cast<double>(batch.m);
  }
  // dLoss/dW, formed from sigmoid(z) - side.
  std::vector<double> gradient(const Batch& batch) const {
    std::vector<double> g(w.size());
    for (size_t j = 0; j < batch.m; j++) {
      const std::vector<double> h(&batch.hidden[j * d], &batch.hidden[j * d] + d);
      for (size_t k = batch.indptr[j]; k < batch.indptr[j + 1]; k++) {
        for (const uint32_t edge : pathTo(batch.indices[k])) {
          const double p = 1 / (1 + std::exp(-logOdds(edge / 2, h.data())));
          const double dz = batch.values[k] * (p - edge % 2) / static_cast<double>(batch.m);
          for (size_t i = 0; i < features; i++) g[edge / 2 * features + i] += dz * (i < d ? h[i] : 1);
        }
      }
    }
    return g;
  }
  std::set<uint32_t> nodesOf(const Batch& batch) const {
    std::set<uint32_t> nodes;
    for (const uint32_t c : batch.indices) {
      for (const uint32_t edge : pathTo(c)) nodes.insert(edge / 2);
    }
    return nodes;
  }
};

}  // namespace reference
