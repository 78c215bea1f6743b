#include "heads/bulk_softmax_head.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/pool.h"
#include "base/rng.h"
#include "heads/bulk_loss.h"
#include "heads/row_table.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"

namespace widehead {

namespace {

constexpr size_t kExamples = 4;  // a thread
constexpr size_t kBlock = 2048;  // classes of an exact evaluation at a time
// A bulk of less than D / kLeast is computed too: its sums would be all cancellation. So is one that has no more classes than are drawn.
constexpr size_t kLeast = 16;

}  // namespace

BulkSoftmaxHead::BulkSoftmaxHead(const HeadConfig& config, const InitConfig& init, const StabilisationPolicy& policy,
                                 size_t stretch, const BulkSettings& settings)
    : ExactHead(config, init, policy, stretch), settings_(settings), seed_(randomBits(init.seed, kDraws)),
      shortlist_(settings.shortlist, config.numClasses) {
  if (settings.optimizer.kind == "adagrad") adagrad_ = Pages<float>(config.numClasses);
  if (settings.sampled > 0) sampler_ = makeSampler(settings.sampler, config.numClasses);
  if (settings.retrieval.limit + settings.retrieval.perExample > 0)
    retrieval_ = std::make_unique<RowRetrieval>(settings.retrieval, weights().v);
}

std::unique_ptr<Pass> BulkSoftmaxHead::newPass() const {
  auto pass = std::make_unique<BulkPass>();
  pass->features = features();
  return pass;
}

bool BulkSoftmaxHead::estimates() const { return sampler_ && settings_.sampledShare > 0; }

bool BulkSoftmaxHead::ratesRows() const {
  return adagrad_.size() > 0 || (settings_.ratePower > 0 && shortlist_.hasCounts());
}

void BulkSoftmaxHead::choose(BulkPass& pass, bool trains) const {
  const std::vector<uint32_t>& targets = pass.targets.unique();
  pass.sure = shortlist_.classes();
  if (settings_.minibatchTargets) {
    const auto middle = static_cast<ptrdiff_t>(pass.sure.size());
    pass.sure.insert(pass.sure.end(), targets.begin(), targets.end());
    std::inplace_merge(pass.sure.begin(), pass.sure.begin() + middle, pass.sure.end());
    pass.sure.erase(std::unique(pass.sure.begin(), pass.sure.end()), pass.sure.end());
  }
  if (retrieval_) {
    const MatrixF hu(pass.retrieval.hu.reserve(pass.m * features()), pass.m, features());
    gemm(hu, pass.h(), weights().u.hi().transposed());
    retrieval_->search(pass.retrieval, hu, version_);
    if (settings_.retrieval.limit > 0) retrieval_->unite(pass.sure, pass.retrieval);
  }
  pass.drawn.clear();
  pass.probabilities.clear();
  const size_t others = config_.numClasses - pass.sure.size();
  if (kLeast * others <= config_.numClasses || (estimates() && settings_.sampled >= others)) {
    pass.sure.resize(config_.numClasses);
    std::iota(pass.sure.begin(), pass.sure.end(), 0u);
    return;
  }
  if (!trains || !estimates()) return;
  sampler_->draw(pass.drawn, pass.probabilities, settings_.sampled, seed_, version_);
  size_t kept = 0, s = 0;  // both lists rise
  for (size_t i = 0; i < pass.drawn.size(); i++) {
    while (s < pass.sure.size() && pass.sure[s] < pass.drawn[i]) s++;
    if (s < pass.sure.size() && pass.sure[s] == pass.drawn[i]) continue;
    pass.drawn[kept] = pass.drawn[i];
    pass.probabilities[kept++] = pass.probabilities[i];
  }
  pass.drawn.resize(kept);
  pass.probabilities.resize(kept);
}

void BulkSoftmaxHead::score(BulkPass& pass, bool trains) const {
  choose(pass, trains);
  pass.rated = false;
  pass.heldBack = 0;
  pass.bulkRate = 1;
  pass.sums.clear();
  pass.keepsWhole = trains && ratesRows();
  pass.takeApart(config_.numClasses, settings_.retrieval.perExample);
  pass.gather(weights().v, settings_.sampledShare);
  ExactHead::score(pass);
  const size_t n = features();
  const double gamma = weights().gamma;
  parallelFor(pass.m, kExamples, [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) {
      const double offset = gamma * kernels().dotWide(weights().omega.data(), &pass.hidden[j * n], n);
      BulkLoss(pass, config_.numClasses, settings_.sampledShare, j, offset).compute(gamma);
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
    gemm(o, MatrixF(pass.hu.data(), m, n), weights().v.current(begin, end, scratch).transposed(),
         static_cast<float>(gamma));
    parallelFor(m, kExamples, [&](size_t first, size_t last) {
      for (size_t j = first; j < last; j++) {
        for (size_t k = targets.indptr()[j]; k < targets.indptr()[j + 1]; k++) {
          const size_t id = targets.unique()[targets.slot(k)];
          if (id >= begin && id < end) pass.a[k] = o(j, id - begin);
        }
        const double before = largest[j];
        largest[j] = std::max<double>(before, kernels().largest(o.row(j), o.cols));
        sums[j] = sums[j] * std::exp(before - largest[j]) +
                  kernels().expSum(o.row(j), static_cast<float>(largest[j]), o.cols);
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

// The shortlist learns at its own rates, which its counts give.
void BulkSoftmaxHead::rateByCount(BulkPass& pass) const {
  std::vector<size_t> columns;
  std::vector<double> rates;
  for (size_t i = 0, place = 0; place < shortlist_.classes().size(); i++) {
    if (pass.sure[i] != shortlist_.classes()[place]) continue;
    columns.push_back(pass.shared.column(i));
    rates.push_back(shortlist_.rate(place++, settings_.ratePower));
  }
  pass.computeRowGradients(columns);
  pass.heldBack = 0;
  for (size_t i = 0; i < columns.size(); i++) {
    const double square = kernels().dotDouble(pass.rowGradient(i), pass.rowGradient(i), features());
    pass.heldBack += (1 - rates[i] * rates[i]) * square;
  }
  pass.computeChange(rates);
}

// All that is shared learns at the rates of Adagrad, the bulk at that of their mean root.
void BulkSoftmaxHead::rateByAdagrad(BulkPass& pass, double clip) const {
  std::vector<size_t> columns(pass.shared.count());
  std::iota(columns.begin(), columns.end(), size_t{0});
  pass.computeRowGradients(columns);
  const double scale = clip * weights().gamma;
  pass.sums.resize(pass.shared.count());
  double mean = 0;
  for (size_t i = 0; i < pass.sums.size(); i++) {
    const float* row = pass.rowGradient(i);
    const double square = scale * scale * kernels().dotDouble(row, row, features());
    pass.sums[i] = adagrad_[pass.shared.classOf(i)] + static_cast<float>(square / static_cast<double>(features()));
    mean += std::sqrt(double{pass.sums[i]}) / static_cast<double>(pass.sums.size());
  }
  std::vector<double> rates(pass.sums.size(), 1.0);
  if (mean > 0) {
    pass.bulkRate = settings_.bulkRate / (mean + settings_.optimizer.epsilon);
    for (size_t i = 0; i < rates.size(); i++)
      rates[i] = 1 / ((std::sqrt(double{pass.sums[i]}) + settings_.optimizer.epsilon) * pass.bulkRate);
  }
  pass.computeChange(rates);
}

// Once, also where memory was short for what follows and apply() is called again. Leaves what gradNorm() keeps for the update.
void BulkSoftmaxHead::rate(BulkPass& pass, const ApplyOptions& options) const {
  const bool byAdagrad = adagrad_.size() > 0;
  if (!pass.rated && pass.keepsWhole) {
    if (byAdagrad) {
      pass.gradNorm = gradNorm(pass);
      if (!(options.learningRate > 0)) return;
      rateByAdagrad(pass, rowStep(options, pass.gradNorm).scale);
    } else {
      rateByCount(pass);
    }
    addGradients(pass, pass.change(), pass.changeSums());
    pass.addChange();
    pass.rated = true;
  }
  const double norm = gradNorm(pass);
  // By rates of at most 1, so that this one look at the gradient will do.
  if (!byAdagrad) pass.gradNorm = std::hypot(norm, weights().gamma * std::sqrt(std::max(0.0, pass.heldBack)));
}

double BulkSoftmaxHead::apply(Pass& base, const ApplyOptions& options) {
  auto& pass = static_cast<BulkPass&>(base);
  rate(pass, options);
  if (retrieval_) {
    retrieval_->touch(pass.sure);
    retrieval_->touch(pass.drawn);
    retrieval_->touch(pass.targets.unique());
  }
  const RowStep step = rowStep(options, pass.gradNorm);
  update(pass, step.learningRate * step.scale * pass.bulkRate, step.decay);
  for (size_t i = 0; i < pass.sums.size(); i++) adagrad_[pass.shared.classOf(i)] = pass.sums[i];
  if (retrieval_) retrieval_->afterStep(version_);
  shortlist_.observe(pass.given, version_);
  if (sampler_) sampler_->observe(pass.given.unique(), pass.given.classPtr(), version_);
  return pass.gradNorm;
}

size_t BulkSoftmaxHead::bytes() const {
  return ExactHead::bytes() + shortlist_.bytes() + adagrad_.bytes() + (sampler_ ? sampler_->bytes() : 0) +
         (retrieval_ ? retrieval_->bytes() : 0);
}

std::map<std::string, double> BulkSoftmaxHead::diagnostics() const {
  std::map<std::string, double> facts = ExactHead::diagnostics();
  facts["shortlist"] = static_cast<double>(shortlist_.classes().size());
  return facts;
}

void BulkSoftmaxHead::archive(Archive& archive) {
  ExactHead::archive(archive);
  shortlist_.archive(archive);
  if (adagrad_.size() > 0) archive.rows("adagrad.sums", adagrad_.data(), config_.numClasses, 1);
  if (sampler_) sampler_->archive(archive);
  if (retrieval_) retrieval_->archive(archive);
}

void BulkSoftmaxHead::checkRestored() {
  ExactHead::checkRestored();
  shortlist_.checkRestored();
  if (sampler_) sampler_->checkRestored();
  if (retrieval_) retrieval_->checkRestored();
}

}  // namespace widehead
