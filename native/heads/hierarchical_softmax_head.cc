#include "heads/hierarchical_softmax_head.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/pool.h"
#include "base/prefetch.h"
#include "heads/tree_paths.h"
#include "heads/tree_search.h"
#include "kernels/kernels.h"

namespace widehead {

namespace {

constexpr size_t kClasses = 1024, kExamples = 256;  // of one block of logits
// A thread's part should last longer than handing it over.
constexpr size_t kGrainFloats = 16384;
// Rows come from anywhere in the table: asking for them early hides the wait for memory.
constexpr size_t kAhead = 4;

struct TreePass : Pass {
  TreeVisits visits;
  Buffer<float> g;          // one a visit: dLoss/dz of the minibatch's mean
  Buffer<float> gradients;  // slots x features

  size_t bytes() const override { return Pass::bytes() + visits.bytes() + g.bytes() + gradients.bytes(); }
};

// What an example's visits add up to: -sum values[side] log P(side). The logarithms of neighbours of equal weight are one logarithm of
// their product, as long as that is a number: a factor is at most 2.
class LogLikelihood {
 public:
  // The loss's derivative for z, the log-odds of side 1.
  double add(double z, const double values[2]) {
    const double rare = std::exp(-std::fabs(z)), likely = 1 / (1 + rare), weight = values[0] + values[1];
    if (weight != weight_ || product_ > kLargestProduct) flush(weight);
    product_ *= 1 + rare;
    sum_ += z > 0 ? values[0] * z : -values[1] * z;
    return z > 0 ? values[0] * likely - values[1] * (rare * likely) : values[0] * (rare * likely) - values[1] * likely;
  }
  double loss() {
    flush(0);
    return sum_;
  }

 private:
  static constexpr double kLargestProduct = 1e300;

  void flush(double nextWeight) {
    if (product_ != 1) sum_ += weight_ * std::log(product_);
    product_ = 1;
    weight_ = nextWeight;
  }
  double sum_ = 0, product_ = 1, weight_ = 0;
};

}  // namespace

HierarchicalSoftmaxHead::HierarchicalSoftmaxHead(const HeadConfig& config, const InitConfig& init,
                                                 const OptimizerSettings& optimizer, const double* counts)
    : Head(config), tree_(config.numClasses, counts),
      table_(config.numClasses, config.hiddenSize, features(), init, optimizer) {}

std::unique_ptr<Pass> HierarchicalSoftmaxHead::newPass() const { return std::make_unique<TreePass>(); }

// Training, reading and searching share this, so that they agree to the last bit.
float HierarchicalSoftmaxHead::logOdds(uint32_t node, const float* h) const {
  const float* w = table_.row(node);
  return kernels().dot(w, h, config_.hiddenSize) + (config_.bias ? w[config_.hiddenSize] : 0);
}

void HierarchicalSoftmaxHead::score(Pass& base) const {
  auto& pass = static_cast<TreePass&>(base);
  const size_t n = features();
  pass.version = version_;
  pass.visits.assign(tree_, pass.targets);
  const TreeVisits& visits = pass.visits;
  pass.g.reserve(visits.size());
  const std::vector<uint32_t>& nodes = visits.paths().nodes();
  const double share = 1.0 / static_cast<double>(pass.m);
  parallelFor(pass.m, 1 + kGrainFloats / (n * (tree_.depth() + 1)), [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) {
      LogLikelihood likelihood;
      for (size_t i = visits.indptr()[j]; i < visits.indptr()[j + 1]; i++) {
        if (i + kAhead < visits.indptr()[end]) prefetchFloats(table_.row(nodes[visits[i + kAhead].slot]), n);
        const double z = logOdds(nodes[visits[i].slot], &pass.hidden[j * n]);
        pass.g[i] = static_cast<float>(share * likelihood.add(z, visits[i].values));
      }
      pass.losses[j] = likelihood.loss();
    }
  });
  pass.finishLosses();
}

void HierarchicalSoftmaxHead::differentiate(Pass& base) const {
  auto& pass = static_cast<TreePass&>(base);
  const size_t d = config_.hiddenSize;
  const TreeVisits& visits = pass.visits;
  const std::vector<uint32_t>& nodes = visits.paths().nodes();
  parallelFor(pass.m, 1 + kGrainFloats / (d * (tree_.depth() + 1)), [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) {
      float* dh = &pass.dHidden[j * d];
      std::memset(dh, 0, d * sizeof(float));
      for (size_t i = visits.indptr()[j]; i < visits.indptr()[j + 1]; i++) {
        kernels().axpy(dh, pass.g[i], table_.row(nodes[visits[i].slot]), d);
      }
    }
  });
}

double HierarchicalSoftmaxHead::apply(Pass& base, const ApplyOptions& options) {
  auto& pass = static_cast<TreePass&>(base);
  const size_t n = features();
  const TreeVisits& visits = pass.visits;
  const std::vector<uint32_t>& nodes = visits.paths().nodes();
  float* gradients = pass.gradients.reserve(nodes.size() * n);
  parallelFor(nodes.size(), 1 + kGrainFloats / n, [&](size_t begin, size_t end) {
    std::memset(gradients + begin * n, 0, (end - begin) * n * sizeof(float));
    for (size_t u = begin; u < end; u++) {
      for (size_t at = visits.slotPtr()[u]; at < visits.slotPtr()[u + 1]; at++) {
        const uint32_t i = visits.bySlot()[at];
        kernels().axpy(gradients + u * n, pass.g[i], &pass.hidden[visits[i].example * n], n);
      }
    }
  });
  const double norm = table_.update(nodes.data(), nodes.size(), gradients, options);
  version_++;
  return norm;
}

void HierarchicalSoftmaxHead::logits(float* out, const float* hidden, size_t m, const uint32_t* classes, size_t n) const {
  const size_t d = config_.hiddenSize;
  TreePaths paths;
  std::vector<uint32_t> edges(std::min(n, kClasses));
  Buffer<float> z;         // slots x examples
  Buffer<double> reached;  // examples x edges: log-probability of coming so far
  for (size_t first = 0; first < n; first += kClasses) {
    const size_t count = std::min(kClasses, n - first);
    paths.clear();
    for (size_t i = 0; i < count; i++) edges[i] = paths.add(tree_, classes[first + i]);
    const size_t slots = paths.size();
    for (size_t example = 0; example < m; example += kExamples) {
      const size_t examples = std::min(kExamples, m - example);
      z.reserve(slots * examples);
      reached.reserve(2 * slots * examples);
      parallelFor(slots, 1 + kGrainFloats / (d * examples), [&](size_t begin, size_t end) {
        for (size_t u = begin; u < end; u++) {
          for (size_t j = 0; j < examples; j++)
            z[u * examples + j] = logOdds(paths.nodes()[u], hidden + (example + j) * d);
        }
      });
      parallelFor(examples, 1, [&](size_t begin, size_t end) {
        for (size_t j = begin; j < end; j++) {
          double* edge = reached.data() + 2 * slots * j;
          for (size_t u = 0; u < slots; u++) {
            const double before = u == 0 ? 0 : edge[paths.edgeAbove(u)];
            splitLogProbability(before, z[u * examples + j], edge + 2 * u);
          }
          float* row = out + (example + j) * n + first;
          for (size_t i = 0; i < count; i++) row[i] = slots == 0 ? 0 : static_cast<float>(edge[edges[i]]);
        }
      });
    }
  }
}

void HierarchicalSoftmaxHead::topK(int32_t* classes, float* logits, const float* hidden, size_t m, size_t k, bool) const {
  searchTree(tree_, m, k, classes, logits,
             [&](size_t j, uint32_t node) { return logOdds(node, hidden + j * config_.hiddenSize); });
}

void HierarchicalSoftmaxHead::rows(float* out, const uint32_t* nodes, size_t n) const { table_.gather(out, nodes, n); }

std::map<std::string, double> HierarchicalSoftmaxHead::diagnostics() const {
  return {{"steps", static_cast<double>(version_)},
          {"bytes", static_cast<double>(bytes())},
          {"depth", static_cast<double>(tree_.depth())}};
}

void HierarchicalSoftmaxHead::archive(Archive& archive) {
  Head::archive(archive);
  table_.archive(archive);
  tree_.archive(archive);
}

}  // namespace widehead
