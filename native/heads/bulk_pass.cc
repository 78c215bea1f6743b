#include "heads/bulk_pass.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/pool.h"
#include "linalg/gemm.h"

namespace widehead {

namespace {

constexpr size_t kExamples = 4;  // a thread

}  // namespace

void BulkPass::takeApart(size_t numClasses, size_t retrievedEach) {
  std::swap(targets, given);
  sharedTargetPtr.assign(1, 0);
  sharedTargets.clear();
  ownPtr_.assign(1, 0);
  ownDrawnPtr.assign(1, 0);
  ownDrawn.clear();
  ownIds_.clear();
  ownValues_.clear();
  for (size_t j = 0; j < m; j++) {
    for (size_t k = given.indptr()[j]; k < given.indptr()[j + 1]; k++) {
      const uint32_t id = given.unique()[given.slot(k)];
      const auto at = std::lower_bound(sure.begin(), sure.end(), id);
      if (at != sure.end() && *at == id) {
        sharedTargets.push_back({static_cast<size_t>(at - sure.begin()), given.values()[k]});
      } else {
        addOwn(id, given.values()[k]);
      }
    }
    addRetrieved(j, retrievedEach);
    ownDrawnPtr.push_back(static_cast<uint32_t>(ownDrawn.size()));
    sharedTargetPtr.push_back(static_cast<uint32_t>(sharedTargets.size()));
    ownPtr_.push_back(static_cast<uint32_t>(ownIds_.size()));
  }
  targets.assign({m, ownPtr_.data(), ownIds_.data(), ownIds_.size(), ownValues_.data()}, numClasses);
  a.reserve(targets.nnz());  // more than were given
  ga.reserve(targets.nnz());
}

void BulkPass::addOwn(uint32_t id, float value) {
  const auto at = std::lower_bound(drawn.begin(), drawn.end(), id);
  if (at != drawn.end() && *at == id) {
    ownDrawn.push_back(sure.size() + static_cast<size_t>(at - drawn.begin()));
    sharedTargets.push_back({ownDrawn.back(), value});
  } else {
    ownIds_.push_back(id);
    ownValues_.push_back(value);
  }
}

// None that all see, nor a target again.
void BulkPass::addRetrieved(size_t j, size_t count) {
  const auto isTarget = [&](uint32_t id) {
    for (uint32_t k = given.indptr()[j]; k < given.indptr()[j + 1]; k++) {
      if (given.unique()[given.slot(k)] == id) return true;
    }
    return false;
  };
  const size_t found = count > 0 ? retrieval.query.size(j) : 0;
  for (size_t i = 0, added = 0; i < found && added < count; i++) {
    const uint32_t id = retrieval.query.ids(j)[i];
    if (std::binary_search(sure.begin(), sure.end(), id) || isTarget(id)) continue;
    addOwn(id, 0);
    added++;
  }
}

void BulkPass::gather(const RowStore& v, double share) {
  shared.gather(v, sure, drawn);
  logWeights.resize(drawn.size());
  for (size_t i = 0; i < drawn.size(); i++) {
    logWeights[shared.column(sure.size() + i) - sure.size()] = static_cast<float>(std::log(share / probabilities[i]));
  }
  if (keepsWhole) whole_.reserve(m * shared.count());
}

void BulkPass::computeRowGradients(const std::vector<size_t>& columns) {
  const size_t count = columns.size();
  ConstMatrixF derivatives = whole();
  if (count < shared.count()) {
    const MatrixF chosen(chosen_.reserve(m * count), m, count);
    parallelFor(m, kExamples, [&](size_t begin, size_t end) {
      for (size_t j = begin; j < end; j++) {
        for (size_t c = 0; c < count; c++) chosen(j, c) = whole_[j * shared.count() + columns[c]];
      }
    });
    derivatives = chosen;
  }
  gemm(MatrixF(rowGradients_.reserve(count * features), count, features), derivatives.transposed(), h());
}

void BulkPass::scaleGradients(const std::vector<double>& rates) {
  std::vector<float> more(rates.size());
  for (size_t c = 0; c < rates.size(); c++) more[c] = static_cast<float>(rates[c] - 1);
  const MatrixF gradients = shared.gradients(), derivatives = whole();
  parallelFor(m, kExamples, [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) {
      float* gradient = gradients.row(j);
      const float* derivative = derivatives.row(j);
      for (size_t c = 0; c < more.size(); c++) gradient[c] += more[c] * derivative[c];
    }
  });
}

}  // namespace widehead
