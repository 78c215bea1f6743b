#include "heads/bulk_softmax_head.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/pool.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"
#include "losses/gaussian_bulk.h"

namespace widehead {

namespace {

constexpr size_t kExamples = 4;  // a thread
constexpr size_t kBlock = 2048;  // classes of an exact evaluation at a time

// Targets are taken apart: those of the shortlist are columns of `shared`, and `targets` holds the others.
struct BulkPass : ExactHeadPass {
  struct Listed {
    size_t place;  // in the shortlist
    float value;
  };
  Targets given;
  std::vector<uint32_t> listedPtr;  // m + 1
  std::vector<Listed> listed;
  std::vector<uint32_t> restPtr, restIds;
  std::vector<float> restValues;

  void takeApart(const FrequentClasses& shortlist, size_t numClasses);
};

void BulkPass::takeApart(const FrequentClasses& shortlist, size_t numClasses) {
  std::swap(targets, given);
  listedPtr.assign(1, 0);
  restPtr.assign(1, 0);
  listed.clear();
  restIds.clear();
  restValues.clear();
  for (size_t j = 0; j < m; j++) {
    for (size_t k = given.indptr()[j]; k < given.indptr()[j + 1]; k++) {
      const uint32_t id = given.unique()[given.slot(k)];
      const size_t place = shortlist.placeOf(id);
      if (place != FrequentClasses::kNone) {
        listed.push_back({place, given.values()[k]});
      } else {
        restIds.push_back(id);
        restValues.push_back(given.values()[k]);
      }
    }
    listedPtr.push_back(static_cast<uint32_t>(listed.size()));
    restPtr.push_back(static_cast<uint32_t>(restIds.size()));
  }
  targets.assign({m, restPtr.data(), restIds.data(), restIds.size(), restValues.data()}, numClasses);
}

// One example on its way: sums over S, then what the loss makes of them.
class BulkExample {
 public:
  BulkExample(const HeadConfig& config, const BulkPass& pass, MatrixF outputs, size_t j, double offset)
      : config_(config), pass_(pass), outputs_(outputs), j_(j), offset_(offset) {}

  void computeLoss(double* ga, double& gq, double& gs, double& loss, MatrixF gradients, double gamma) const;

 private:
  const HeadConfig& config_;
  const BulkPass& pass_;
  const MatrixF outputs_;
  const size_t j_;
  const double offset_;  // omega . h, which the shared outputs lack
};

void BulkExample::computeLoss(double* ga, double& gq, double& gs, double& loss, MatrixF gradients, double gamma) const {
  const size_t count = outputs_.cols, begin = pass_.targets.indptr()[j_], end = pass_.targets.indptr()[j_ + 1];
  const float* shared = outputs_.row(j_);
  float* g = gradients.row(j_);
  const double* ones = pass_.shared.ones();

  double sum = 0, squares = 0, largest = -std::numeric_limits<double>::infinity(), total = 0, weighted = 0;
  if (count > 0) {
    const double plain = kernels().dotWide(ones, shared, count), n = static_cast<double>(count);
    sum = plain + n * offset_;
    squares = kernels().dotDouble(shared, shared, count) + offset_ * (2 * plain + n * offset_);
    largest = kernels().largest(shared, count) + offset_;
  }
  for (size_t k = begin; k < end; k++) {
    const double o = pass_.a[k];
    sum += o;
    squares += o * o;
    largest = std::max(largest, o);
    total += pass_.targets.values()[k];
    weighted += pass_.targets.values()[k] * o;
  }
  for (size_t i = pass_.listedPtr[j_]; i < pass_.listedPtr[j_ + 1]; i++) {
    const BulkPass::Listed& target = pass_.listed[i];
    total += target.value;
    weighted += target.value * (shared[pass_.shared.column(target.place)] + offset_);
  }

  const double left = static_cast<double>(config_.numClasses) - static_cast<double>(count + end - begin);
  const GaussianBulk bulk(left, pass_.s[j_] - sum, pass_.q[j_] - squares);
  // One that float32 holds, less the offset: the shared exponentials are shifted by it as well.
  const float sharedShift = static_cast<float>(std::max(largest, bulk.logSum()) - offset_);
  const double shift = sharedShift + offset_;
  double z = left > 0 ? std::exp(bulk.logSum() - shift) : 0;
  if (count > 0) {
    std::copy_n(shared, count, g);
    z += kernels().expSum(g, sharedShift, count);
  }
  for (size_t k = begin; k < end; k++) z += std::exp(pass_.a[k] - shift);

  loss = total != 0 ? total * (shift + std::log(z)) - weighted : -weighted;
  const double scale = total / z, k = left > 0 ? scale * std::exp(bulk.logMean - shift) : 0;
  gq = k * bulk.forSquares();
  gs = k * bulk.forSum();
  for (size_t i = begin; i < end; i++) {
    const double o = pass_.a[i];
    ga[i] = scale * std::exp(o - shift) - k * bulk.forOutput(o) - pass_.targets.values()[i];
  }
  if (count == 0) return;
  // The same for the shared ones, over m and gamma at once.
  const double share = 1 / (static_cast<double>(pass_.m) * gamma), slope = k * (bulk.forOutput(1) - bulk.forOutput(0));
  const Term terms[] = {{share * scale, g}, {-share * slope, shared}, {-share * k * bulk.forOutput(offset_), nullptr, ones}};
  kernels().combine(g, terms, 3, count);
  for (size_t i = pass_.listedPtr[j_]; i < pass_.listedPtr[j_ + 1]; i++) {
    g[pass_.shared.column(pass_.listed[i].place)] -= static_cast<float>(share * pass_.listed[i].value);
  }
}

}  // namespace

BulkSoftmaxHead::BulkSoftmaxHead(const HeadConfig& config, const InitConfig& init, const StabilisationPolicy& policy, size_t stretch,
                                 const BulkSettings& settings)
    : ExactHead(config, init, policy, stretch), shortlist_(settings.shortlist, config.numClasses) {}

std::unique_ptr<Pass> BulkSoftmaxHead::newPass() const {
  auto pass = std::make_unique<BulkPass>();
  pass->features = features();
  return pass;
}

void BulkSoftmaxHead::score(Pass& base) const {
  auto& pass = static_cast<BulkPass&>(base);
  pass.takeApart(shortlist_, config_.numClasses);
  pass.shared.gather(weights().v, shortlist_.classes());
  ExactHead::score(pass);
  const MatrixF outputs = pass.shared.outputs(), gradients = pass.shared.gradients();
  const double gamma = weights().gamma;
  parallelFor(pass.m, kExamples, [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) {
      const double offset = gamma * kernels().dotWide(weights().omega.data(), &pass.hidden[j * features()], features());
      BulkExample(config_, pass, outputs, j, offset)
          .computeLoss(pass.ga.data(), pass.gq[j], pass.gs[j], pass.losses[j], gradients, gamma);
    }
  });
  pass.finishLoss(config_.numClasses);
}

void BulkSoftmaxHead::evaluateExactly(Pass& base) const {
  auto& pass = static_cast<BulkPass&>(base);
  pass.version = version_;
  const Targets& targets = pass.targets;
  const size_t m = pass.m, n = features(), numClasses = config_.numClasses, block = std::min(kBlock, numClasses);
  const double gamma = weights().gamma;
  gemm(MatrixF(pass.hu.reserve(m * n), m, n), pass.h(), weights().u.hi().transposed());
  std::vector<double> sums(m), largest(m, -std::numeric_limits<double>::infinity());
  Buffer<float> scratch, outputs(m * block);
  for (size_t begin = 0; begin < numClasses; begin += block) {
    const size_t end = std::min(begin + block, numClasses);
    const MatrixF o(outputs.data(), m, end - begin);
    gemm(o, MatrixF(pass.hu.data(), m, n), weights().v.current(begin, end, scratch).transposed(), static_cast<float>(gamma));
    parallelFor(m, kExamples, [&](size_t first, size_t last) {
      for (size_t j = first; j < last; j++) {
        for (size_t k = targets.indptr()[j]; k < targets.indptr()[j + 1]; k++) {
          const size_t id = targets.unique()[targets.slot(k)];
          if (id >= begin && id < end) pass.a[k] = o(j, id - begin);
        }
        const double before = largest[j];
        largest[j] = std::max<double>(before, kernels().largest(o.row(j), o.cols));
        sums[j] = sums[j] * std::exp(before - largest[j]) + kernels().expSum(o.row(j), static_cast<float>(largest[j]), o.cols);
      }
    });
  }
  // omega . h is a part of all outputs: it does not matter.
  for (size_t j = 0; j < m; j++) {
    double loss = 0;
    for (size_t k = targets.indptr()[j]; k < targets.indptr()[j + 1]; k++) {
      loss += targets.values()[k] * (largest[j] + std::log(sums[j]) - pass.a[k]);
    }
    pass.losses[j] = loss;
  }
  pass.finishLosses();
}

double BulkSoftmaxHead::apply(Pass& base, const ApplyOptions& options) {
  const double norm = ExactHead::apply(base, options);
  shortlist_.observe(static_cast<const BulkPass&>(base).given, version_);
  return norm;
}

std::map<std::string, double> BulkSoftmaxHead::diagnostics() const {
  std::map<std::string, double> facts = ExactHead::diagnostics();
  facts["shortlist"] = static_cast<double>(shortlist_.classes().size());
  return facts;
}

void BulkSoftmaxHead::archive(Archive& archive) {
  ExactHead::archive(archive);
  shortlist_.archive(archive);
}

void BulkSoftmaxHead::checkRestored() {
  ExactHead::checkRestored();
  shortlist_.checkRestored();
}

}  // namespace widehead
