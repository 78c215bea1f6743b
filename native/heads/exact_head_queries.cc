// What the exact head is asked: rows, outputs, best classes, facts.

#include <algorithm>

#include "heads/exact_head.h"
#include "heads/top_k.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"

namespace widehead {

std::vector<uint32_t> ExactHead::rowsOf(const uint32_t* classes, size_t n) const {
  std::vector<uint32_t> rows(n);
  for (size_t i = 0; i < n; i++) rows[i] = weights_.shard().rowOf(classes[i]);
  return rows;
}

void ExactHead::rows(float* out, const uint32_t* classes, size_t n) const {
  weights_.rows(out, rowsOf(classes, n).data(), n);
}

// Hidden vectors as V sees them: H U^T and H omega.
struct ExactHead::Query {
  Buffer<float> h, hu;
  std::vector<double> offsets;
};

ExactHead::Query ExactHead::query(const float* hidden, size_t m) const {
  const size_t n = features(), d = config_.hiddenSize;
  Query query{Buffer<float>(m * n), Buffer<float>(m * n), std::vector<double>(m)};
  for (size_t j = 0; j < m; j++) {
    float* h = &query.h[j * n];
    std::copy_n(hidden + j * d, d, h);
    if (config_.bias) h[d] = 1;
    query.offsets[j] = kernels().dotWide(weights_.omega.data(), h, n);
  }
  gemm(MatrixF(query.hu.data(), m, n), ConstMatrixF(query.h.data(), m, n), weights_.u.hi().transposed());
  return query;
}

void ExactHead::logits(float* out, const float* hidden, size_t m, const uint32_t* classes, size_t n) const {
  const Query asked = query(hidden, m);
  weights_.logits(MatrixF(out, m, n), ConstMatrixF(asked.hu.data(), m, features()), asked.offsets,
                  rowsOf(classes, n).data());
}

void ExactHead::topK(int32_t* classes, float* logits, const float* hidden, size_t m, size_t k, bool square) const {
  const Query asked = query(hidden, m);
  const RowSearch search{
      weights_.rowCount(),
      ConstMatrixF(asked.hu.data(), m, features()),
      [this](size_t begin, size_t end, Buffer<float>& scratch) { return weights_.v.current(begin, end, scratch); },
      nullptr,
      0,
      {weights_.gamma, asked.offsets.data()}};
  searchRows(classes, logits, search, k, square);
  if (weights_.shard().size == 1) return;
  for (size_t i = 0; i < m * k; i++)
    classes[i] = static_cast<int32_t>(weights_.shard().classOf(static_cast<size_t>(classes[i])));
}

std::map<std::string, double> ExactHead::diagnostics() const {
  // Rows behind are counted on a sample, because all of them would be a pass over D.
  const size_t rows = weights_.rowCount(), sample = std::min<size_t>(rows, 1024);
  size_t behind = 0;
  for (size_t i = 0; i < sample; i++) behind += weights_.v.behind(i * rows / sample) > 0;
  const CorrectionLog& log = weights_.v.log();
  return {{"steps", static_cast<double>(version_)},
          {"condition", stabiliser_.largest() / stabiliser_.smallest()},
          {"logLength", static_cast<double>(log.end())},
          {"logEntriesHeld", static_cast<double>(log.liveEntries())},
          {"rowsBehind",
           static_cast<double>(behind) * static_cast<double>(config_.numClasses) / static_cast<double>(sample)},
          {"corrections", static_cast<double>(stabiliser_.corrections())},
          {"denseEntries", static_cast<double>(stabiliser_.splits())},
          {"bytes", static_cast<double>(bytes())}};
}

}  // namespace widehead
