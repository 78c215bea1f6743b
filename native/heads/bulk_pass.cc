#include "heads/bulk_pass.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/pool.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"

namespace widehead {

namespace {

constexpr size_t kExamples = 4, kRows = 16;  // a thread

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
  columns_ = columns;
  if (count < shared.count()) {
    chosen_.reserve(m * count);
    parallelFor(m, kExamples, [&](size_t begin, size_t end) {
      for (size_t j = begin; j < end; j++) {
        for (size_t c = 0; c < count; c++) chosen_[j * count + c] = whole_[j * shared.count() + columns[c]];
      }
    });
  }
  gemm(MatrixF(rowGradients_.reserve(count * features), count, features), derivatives().transposed(), h());
}

void BulkPass::computeChange(const std::vector<double>& rates) {
  const size_t count = columns_.size();
  more_.resize(count);
  changeSums_.resize(m);
  const MatrixF rows(rows_.reserve(count * features), count, features);
  const ConstMatrixF all = shared.rows();
  parallelFor(count, kRows, [&](size_t begin, size_t end) {
    for (size_t c = begin; c < end; c++) {
      more_[c] = static_cast<float>(rates[c] - 1);
      const Term term = {more_[c], all.row(columns_[c])};
      kernels().combine(rows.row(c), &term, 1, features);
    }
  });
  const MatrixF kept = derivatives();
  gemm(MatrixF(change_.reserve(m * features), m, features), kept, rows);
  for (size_t j = 0; j < m; j++) changeSums_[j] = kernels().dotDouble(more_.data(), kept.row(j), count);
}

void BulkPass::addChange() {
  const MatrixF gradients = shared.gradients(), kept = derivatives();
  parallelFor(m, kExamples, [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) {
      float* gradient = gradients.row(j);
      const float* derivative = kept.row(j);
      if (columns_.size() == shared.count()) {
        for (size_t c = 0; c < more_.size(); c++) gradient[c] += more_[c] * derivative[c];
      } else {
        for (size_t c = 0; c < more_.size(); c++) gradient[columns_[c]] += more_[c] * derivative[c];
      }
    }
  });
}

}  // namespace widehead
