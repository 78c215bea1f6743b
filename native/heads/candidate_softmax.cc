#include "heads/candidate_softmax.h"

#include <algorithm>
#include <cmath>

#include "base/pool.h"
#include "kernels/kernels.h"

namespace widehead {

namespace {

// A block's logits and rows should stay in a second-level cache while they are used again and again.
constexpr size_t kBlockFloats = 1 << 19;
constexpr size_t kLeast = 512, kMost = 16384;

size_t blockSize(size_t m, size_t features, size_t count) {
  const size_t fitting = kBlockFloats / (m + features) / 64 * 64;
  return std::max<size_t>(1, std::min(count, std::clamp(fitting, kLeast, kMost)));
}

// The derivatives of an example's loss for its logits are no more than twice its targets' values in all.
double normBound(const Pass& pass, size_t features) {
  const Targets& targets = pass.targets;
  double bound = 0;
  for (size_t j = 0; j < pass.m; j++) {
    double values = 0;
    for (size_t k = targets.indptr()[j]; k < targets.indptr()[j + 1]; k++) values += std::fabs(targets.values()[k]);
    const float* h = &pass.hidden[j * features];
    bound += 2 * values * std::sqrt(kernels().dotDouble(h, h, features)) / static_cast<double>(pass.m);
  }
  return bound;
}

}  // namespace

void mergeCandidates(Candidates& candidates, const std::vector<uint32_t>& sure, const std::vector<uint32_t>& drawn,
                     const std::vector<double>& probabilities) {
  candidates.rows.clear();
  candidates.correction.clear();
  const auto add = [&](uint32_t id, float correction) {
    candidates.rows.push_back(id);
    candidates.correction.push_back(correction);
  };
  size_t s = 0;
  for (size_t i = 0; i < drawn.size(); i++) {
    while (s < sure.size() && sure[s] < drawn[i]) add(sure[s++], 0);
    if (s < sure.size() && sure[s] == drawn[i]) {
      add(sure[s++], 0);
    } else {
      add(drawn[i], static_cast<float>(std::log(probabilities[i])));
    }
  }
  while (s < sure.size()) add(sure[s++], 0);
}

void CandidateSoftmax::score(const RowTable& table, Pass& pass, bool differentiable, Communicator* comm) {
  comm_ = comm;
  const size_t m = pass.m, features = table.features(), count = candidates.count(table);
  scratch_.width = table.hiddenSize();
  scratch_.block = blockSize(m, features, count);
  scratch_.largest.reserve(m);
  scratch_.sums.reserve(m);
  scratch_.coefficients.reserve(m);
  if (differentiable) {
    scratch_.means.reserve(m * scratch_.width);
    gradients_.reserve(scratch_.block * features);
  }
  findTargets(pass);
  shape().score(scratch_, candidates, table, pass, differentiable);
  sumOverCandidates(pass);
  sumLosses(pass);
  pass.finishLosses();
}

void CandidateSoftmax::findTargets(const Pass& pass) {
  const std::vector<uint32_t>&own = pass.targets.own(), &rows = pass.targets.ownRows();
  scratch_.placeOf.assign(pass.targets.numUnique(), SoftmaxScratch::kElsewhere);
  scratch_.ownPlaces.resize(own.size());
  size_t place = 0;  // both lists rise
  for (size_t i = 0; i < own.size(); i++) {
    if (candidates.all) place = rows[i];
    while (candidates.rowAt(place) != rows[i]) place++;
    scratch_.placeOf[own[i]] = scratch_.ownPlaces[i] = static_cast<uint32_t>(place);
  }
}

// A target's logit, which one rank has, is the logarithm of a sum of one.
void CandidateSoftmax::sumOverCandidates(Pass& pass) {
  const size_t m = pass.m, nnz = comm_ == nullptr ? 0 : pass.targets.nnz();
  logSums_.resize(m + nnz);
  for (size_t j = 0; j < m; j++) logSums_[j] = {scratch_.largest[j], scratch_.sums[j]};
  for (size_t k = 0; k < nnz; k++) {
    const bool isOwn = scratch_.placeOf[pass.targets.slot(k)] != SoftmaxScratch::kElsewhere;
    logSums_[m + k] = isOwn ? LogSum{pass.a[k], 1} : LogSum{0, 0};
  }
  if (comm_ != nullptr) comm_->allReduceSum(logSums_.data(), logSums_.size());
  for (size_t k = 0; k < nnz; k++) pass.a[k] = logSums_[m + k].shift;
  for (size_t j = 0; j < m; j++) {
    if (logSums_[j].sum == 0) logSums_[j] = {0, 1};  // no candidates, no targets: a loss of 0
  }
}

void CandidateSoftmax::sumLosses(Pass& pass) {
  const Targets& targets = pass.targets;
  for (size_t j = 0; j < pass.m; j++) {
    const auto [shift, sum] = logSums_[j];
    const double logSum = shift + std::log(sum);
    double loss = 0, total = 0;
    for (size_t k = targets.indptr()[j]; k < targets.indptr()[j + 1]; k++) {
      loss += double{targets.values()[k]} * (logSum - pass.a[k]);
      total += targets.values()[k];
    }
    // Without a target the loss is 0 whatever the logits, but not if they are no numbers.
    pass.losses[j] = std::isfinite(logSum) ? loss : logSum;
    // Exponentials here have this rank's shift.
    const double share = total * std::exp(double{scratch_.largest[j]} - shift);
    scratch_.coefficients[j] = static_cast<float>(share / (static_cast<double>(pass.m) * sum));
  }
}

void CandidateSoftmax::differentiate(const RowTable& table, Pass& pass) const {
  const Targets& targets = pass.targets;
  const size_t m = pass.m, d = scratch_.width;
  parallelFor(m, 4, [&](size_t begin, size_t end) {
    std::vector<Term> terms;
    for (size_t j = begin; j < end; j++) {
      terms.assign(1, {scratch_.coefficients[j], &scratch_.means[j * d]});
      for (size_t k = targets.indptr()[j]; k < targets.indptr()[j + 1]; k++) {
        const uint32_t place = scratch_.placeOf[targets.slot(k)];
        if (place == SoftmaxScratch::kElsewhere) continue;
        terms.push_back({-double{targets.values()[k]} / static_cast<double>(m), table.row(candidates.rowAt(place))});
      }
      kernels().combine(&pass.dHidden[j * d], terms.data(), terms.size(), d);
    }
  });
  if (comm_ != nullptr) comm_->allReduceSum(pass.dHidden.data(), m * d);
}

double CandidateSoftmax::blockGradients(const RowTable& table, const Pass& pass, size_t begin, size_t end) {
  const Targets& targets = pass.targets;
  const size_t n = table.features();
  const std::vector<uint32_t>&own = targets.own(), &places = scratch_.ownPlaces;
  shape().gradients(gradients_.data(), scratch_, candidates, table, pass, begin, end);
  const size_t from = static_cast<size_t>(std::lower_bound(places.begin(), places.end(), begin) - places.begin());
  const size_t to = static_cast<size_t>(std::lower_bound(places.begin(), places.end(), end) - places.begin());
  parallelFor(to - from, 16, [&](size_t first, size_t last) {
    for (size_t place = from + first; place < from + last; place++) {
      float* gradient = &gradients_[(places[place] - begin) * n];
      const size_t u = own[place];
      for (size_t i = targets.classPtr()[u]; i < targets.classPtr()[u + 1]; i++) {
        const size_t k = targets.byClass()[i];
        const float share = targets.values()[k] / static_cast<float>(pass.m);
        kernels().axpy(gradient, -share, &pass.hidden[targets.example(k) * n], n);
      }
    }
  });
  return squaredNorm(gradients_.data(), (end - begin) * n);
}

void CandidateSoftmax::updateBlock(RowTable& table, const RowStep& step, size_t begin, size_t end) {
  if (candidates.all) {
    table.updateRange(begin, end - begin, gradients_.data(), step);
  } else {
    table.updateRows(candidates.rows.data() + begin, end - begin, gradients_.data(), step);
  }
}

double CandidateSoftmax::apply(RowTable& table, Pass& pass, const ApplyOptions& options) {
  const size_t count = candidates.count(table), block = scratch_.block;
  // Gradients of many blocks are computed twice if their norm decides on the step: they are too many to be held.
  const auto sweep = [&](const RowStep* step) {
    double squared = 0;
    for (size_t begin = 0; begin < count; begin += block) {
      const size_t end = std::min(begin + block, count);
      squared += blockGradients(table, pass, begin, end);
      if (step != nullptr) updateBlock(table, *step, begin, end);
    }
    return squared;
  };
  // One exchange on every rank, whichever way it goes: they have different numbers of candidates.
  const auto normOf = [&](double squared) {
    return std::sqrt(comm_ == nullptr ? squared : comm_->allReduceSum(squared));
  };
  if (count > block && std::isinf(options.clipNorm) && normBound(pass, table.features()) <= kLargestGradNorm) {
    const RowStep step = rowStep(options, 0);
    return normOf(sweep(&step));
  }
  const double norm = normOf(sweep(nullptr));
  const RowStep step = rowStep(options, norm);
  if (count > block) {
    sweep(&step);
  } else {
    updateBlock(table, step, 0, count);
  }
  return norm;
}

size_t CandidateSoftmax::bytes() const {
  const size_t lists = candidates.rows.capacity() + candidates.correction.capacity() + candidates.indptr.capacity() +
                       candidates.places.capacity();
  return gradients_.bytes() + scratch_.means.bytes() + shared_->bytes() + own_->bytes() + lists * sizeof(uint32_t);
}

}  // namespace widehead
