#include "heads/table_head.h"

#include "base/buffer.h"
#include "heads/top_k.h"
#include "linalg/gemm.h"

namespace widehead {

TableHead::TableHead(const HeadConfig& config, const InitConfig& init, const OptimizerSettings& optimizer)
    : Head(config),
      table_(config.numClasses, config.hiddenSize, features(), init, optimizer, shardOf(config.comm.get())) {}

void TableHead::rows(float* out, const uint32_t* classes, size_t n) const {
  const Shard& shard = table_.shard();
  if (shard.size == 1) return table_.gather(out, classes, n);
  std::vector<uint32_t> rows(n);
  for (size_t i = 0; i < n; i++) rows[i] = shard.rowOf(classes[i]);
  table_.gather(out, rows.data(), n);
}

void TableHead::logits(float* out, const float* hidden, size_t m, const uint32_t* classes, size_t n) const {
  const size_t d = config_.hiddenSize;
  Buffer<float> w(n * features());
  rows(w.data(), classes, n);
  const ConstMatrixF weights(w.data(), n, d, static_cast<ptrdiff_t>(features()));
  gemm(MatrixF(out, m, n), ConstMatrixF(hidden, m, d), weights.transposed());
  if (!config_.bias) return;
  for (size_t j = 0; j < m; j++) {
    for (size_t i = 0; i < n; i++) out[j * n + i] += w[i * features() + d];
  }
}

void TableHead::topK(int32_t* classes, float* logits, const float* hidden, size_t m, size_t k, bool square) const {
  const size_t d = config_.hiddenSize;
  RowSearch search{table_.rows(), ConstMatrixF(hidden, m, d),
                   [this](size_t begin, size_t end, Buffer<float>&) { return table_.weights(begin, end); }};
  if (config_.bias) {
    search.shifts = table_.row(0) + d;
    search.shiftStride = features();
  }
  searchRows(classes, logits, search, k, square);
  for (size_t i = 0; i < m * k; i++) {
    classes[i] = static_cast<int32_t>(table_.shard().classOf(static_cast<size_t>(classes[i])));
  }
}

std::map<std::string, double> TableHead::diagnostics() const {
  return {{"steps", static_cast<double>(version_)}, {"bytes", static_cast<double>(bytes())}};
}

void TableHead::archive(Archive& archive) {
  Head::archive(archive);
  table_.archive(archive);
}

}  // namespace widehead
