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

}  // namespace

void mergeCandidates(Candidates& candidates, const std::vector<uint32_t>& sure, const std::vector<uint32_t>& drawn,
                     const std::vector<double>& probabilities) {
  candidates.classes.clear();
  candidates.correction.clear();
  const auto add = [&](uint32_t id, float correction) {
    candidates.classes.push_back(id);
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

void CandidateSoftmax::score(const RowTable& table, Pass& pass, bool differentiable) {
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
  sumLosses(pass);
  pass.finishLosses();
}

void CandidateSoftmax::findTargets(const Pass& pass) {
  const std::vector<uint32_t>& unique = pass.targets.unique();
  scratch_.placeOf.resize(unique.size());
  if (candidates.all) {
    std::copy(unique.begin(), unique.end(), scratch_.placeOf.begin());
    return;
  }
  size_t place = 0;  // both lists rise
  for (size_t u = 0; u < unique.size(); u++) {
    while (candidates.classes[place] != unique[u]) place++;
    scratch_.placeOf[u] = static_cast<uint32_t>(place);
  }
}

void CandidateSoftmax::sumLosses(Pass& pass) {
  const Targets& targets = pass.targets;
  for (size_t j = 0; j < pass.m; j++) {
    const double logSum = scratch_.largest[j] + std::log(scratch_.sums[j]);
    double loss = 0, total = 0;
    for (size_t k = targets.indptr()[j]; k < targets.indptr()[j + 1]; k++) {
      loss += double{targets.values()[k]} * (logSum - pass.a[k]);
      total += targets.values()[k];
    }
    // Without a target the loss is 0 whatever the logits, but not if they are no numbers.
    pass.losses[j] = std::isfinite(logSum) ? loss : logSum;
    scratch_.coefficients[j] = static_cast<float>(total / (static_cast<double>(pass.m) * scratch_.sums[j]));
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
        const float* row = table.row(targets.unique()[targets.slot(k)]);
        terms.push_back({-double{targets.values()[k]} / static_cast<double>(m), row});
      }
      kernels().combine(&pass.dHidden[j * d], terms.data(), terms.size(), d);
    }
  });
}

double CandidateSoftmax::blockGradients(const RowTable& table, const Pass& pass, size_t begin, size_t end) {
  const Targets& targets = pass.targets;
  const size_t n = table.features();
  const std::vector<uint32_t>& places = scratch_.placeOf;
  shape().gradients(gradients_.data(), scratch_, candidates, table, pass, begin, end);
  const size_t from = static_cast<size_t>(std::lower_bound(places.begin(), places.end(), begin) - places.begin());
  const size_t to = static_cast<size_t>(std::lower_bound(places.begin(), places.end(), end) - places.begin());
  parallelFor(to - from, 16, [&](size_t first, size_t last) {
    for (size_t u = from + first; u < from + last; u++) {
      for (size_t i = targets.classPtr()[u]; i < targets.classPtr()[u + 1]; i++) {
        const size_t k = targets.byClass()[i];
        const float share = targets.values()[k] / static_cast<float>(pass.m);
        kernels().axpy(&gradients_[(places[u] - begin) * n], -share, &pass.hidden[targets.example(k) * n], n);
      }
    }
  });
  return squaredNorm(gradients_.data(), (end - begin) * n);
}

void CandidateSoftmax::updateBlock(RowTable& table, const RowStep& step, size_t begin, size_t end) {
  if (candidates.all) {
    table.updateRange(begin, end - begin, gradients_.data(), step);
  } else {
    table.updateRows(&candidates.classes[begin], end - begin, gradients_.data(), step);
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
    return std::sqrt(squared);
  };
  if (count > block) {
    const RowStep step = rowStep(options, std::isinf(options.clipNorm) ? 0 : sweep(nullptr));
    return sweep(&step);
  }
  const double norm = sweep(nullptr);
  updateBlock(table, rowStep(options, norm), 0, count);
  return norm;
}

size_t CandidateSoftmax::bytes() const {
  const size_t lists = candidates.classes.capacity() + candidates.correction.capacity() + candidates.indptr.capacity() +
                       candidates.places.capacity();
  return gradients_.bytes() + scratch_.means.bytes() + shared_->bytes() + own_->bytes() + lists * sizeof(uint32_t);
}

}  // namespace widehead
