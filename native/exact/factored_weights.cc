#include "exact/factored_weights.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "base/pool.h"
#include "base/rng.h"
#include "heads/head.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"
#include "linalg/lu.h"

namespace widehead {

namespace {

constexpr size_t kBlock = 512;  // rows at a time: they fit in a cache beside U

}  // namespace

FactoredWeights::FactoredWeights(size_t numClasses, size_t features, size_t stretch, std::unique_ptr<RowFile> file,
                                 std::shared_ptr<Communicator> comm)
    : numClasses_(numClasses), comm_(std::move(comm)), shard_(shardOf(comm_.get())),
      v(shard_.capacity(numClasses), features, stretch, std::move(file)), u(features), ui(features), qc(features),
      omega(features), wbar(features) {
  u.setIdentity(1);
  ui.setIdentity(1);
}

void FactoredWeights::init(const InitConfig& init, size_t hiddenSize) {
  if (init.kind == InitConfig::Zeros) return;
  v.expectAllRows();
  parallelFor(rowCount(), 64, [&](size_t begin, size_t end) {
    for (size_t r = begin; r < end; r++) {
      fillRow(v.raw(r), shard_.classOf(r), init, hiddenSize, features());
      v.markWritten(r);
    }
  });
  if (comm_ == nullptr) sum();
}

void FactoredWeights::sum() {
  const Moments exact = moments();
  wbar = exact.sum;
  for (size_t i = 0; i < features(); i++) {
    for (size_t j = 0; j < features(); j++) qc.set(i, j, exact.centred[i * features() + j]);
  }
}

// Rows of W / gamma in float64: what a caller reads is W to the last bit of float32, and what Qc is checked by is exact.
class FactoredWeights::RowReader {
 public:
  explicit RowReader(const FactoredWeights& weights) : w_(weights), u_(weights.features() * weights.features()) {
    const size_t d = w_.features();
    for (size_t i = 0; i < d * d; i++) u_[i] = w_.u.value(i / d, i % d);
    for (size_t i = 0; i < d * d && isIdentity_; i++) isIdentity_ = u_[i] == (i % (d + 1) == 0);
  }

  // The result's row i is row rows[order[i]]; count <= kBlock.
  const double* read(const uint32_t* rows, size_t count, std::vector<uint32_t>& order) {
    const size_t d = w_.features();
    current_.reserve(count * d);
    wide_.reserve(count * d);
    rows_.reserve(count * d);
    w_.v.prefetch(rows, count);
    w_.v.gather(current_.data(), order, rows, count);
    parallelFor(count, 16, [&](size_t begin, size_t end) {
      // subtractProduct subtracts, so it starts from -omega and is turned round at the end.
      for (size_t i = begin * d; i < end * d; i++) {
        wide_[i] = current_[i];
        rows_[i] = -w_.omega[i % d] - (isIdentity_ ? wide_[i] : 0);
      }
      const ptrdiff_t stride = static_cast<ptrdiff_t>(d);
      if (!isIdentity_) {
        kernels().subtractProduct(&rows_[begin * d], stride, &wide_[begin * d], stride, 1, u_.data(), stride,
                                  end - begin, d, d);
      }
      for (size_t i = begin * d; i < end * d; i++) rows_[i] = -rows_[i];
    });
    return rows_.data();
  }

 private:
  const FactoredWeights& w_;
  Buffer<double> u_, wide_, rows_;
  Buffer<float> current_;
  bool isIdentity_ = true;
};

void FactoredWeights::rows(float* out, const uint32_t* rows, size_t count) const {
  const size_t d = features();
  RowReader reader(*this);
  std::vector<uint32_t> order;
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const size_t n = std::min(kBlock, count - begin);
    const double* block = reader.read(rows + begin, n, order);
    for (size_t i = 0; i < n; i++) {
      float* to = out + (begin + order[i]) * d;
      for (size_t j = 0; j < d; j++) to[j] = static_cast<float>(gamma * block[i * d + j]);
    }
  }
}

// out (m x n) = hidden W[rows]^T for hidden vectors of all features, through H U^T.
void FactoredWeights::logits(MatrixF out, ConstMatrixF hu, const std::vector<double>& offsets,
                             const uint32_t* rows) const {
  const size_t d = features();
  Buffer<float> current(std::min(out.cols, kBlock) * d), scores(out.rows * std::min(out.cols, kBlock));
  std::vector<uint32_t> order;
  for (size_t begin = 0; begin < out.cols; begin += kBlock) {
    const size_t n = std::min(kBlock, out.cols - begin);
    v.prefetch(rows + begin, n);
    v.gather(current.data(), order, rows + begin, n);
    gemm(MatrixF(scores.data(), out.rows, n), hu, ConstMatrixF(current.data(), n, d).transposed());
    for (size_t j = 0; j < out.rows; j++) {
      for (size_t i = 0; i < n; i++) {
        out(j, begin + order[i]) = static_cast<float>(gamma * (scores[j * n + i] + offsets[j]));
      }
    }
  }
}

// Two passes over W / gamma: its mean row, then the products of what is left, so that a strong mean cancels nothing.
FactoredWeights::Moments FactoredWeights::moments() const {
  const size_t d = features();
  Moments result{std::vector<double>(d), std::vector<double>(d * d)};
  RowReader reader(*this);
  Buffer<double> block(kBlock * d);
  std::vector<uint32_t> rows(kBlock), order;
  const auto forEachBlock = [&](const std::function<void(const double*, size_t)>& use) {
    for (size_t begin = 0; begin < rowCount(); begin += kBlock) {
      const size_t n = std::min(kBlock, rowCount() - begin);
      std::iota(rows.begin(), rows.end(), static_cast<uint32_t>(begin));
      use(reader.read(rows.data(), n, order), n);
    }
  };
  forEachBlock([&](const double* rows, size_t n) {
    for (size_t i = 0; i < n * d; i++) result.sum[i % d] += rows[i];
  });
  if (comm_ != nullptr) comm_->allReduceSum(result.sum.data(), d);
  const double perClass = 1.0 / static_cast<double>(numClasses());
  forEachBlock([&](const double* rows, size_t n) {
    for (size_t i = 0; i < n * d; i++) block[i] = rows[i] - result.sum[i % d] * perClass;
    const ptrdiff_t stride = static_cast<ptrdiff_t>(d);
    parallelFor(d, 16, [&](size_t begin, size_t end) {
      kernels().subtractProduct(&result.centred[begin * d], stride, &block[begin], 1, stride, block.data(), stride,
                                end - begin, d, n);
    });
  });
  for (double& x : result.centred) x = -x;
  if (comm_ != nullptr) comm_->allReduceSum(result.centred.data(), d * d);
  return result;
}

Drift FactoredWeights::drift() const {
  const size_t d = features();
  const Moments exact = moments();
  double q = 0, qNorm = 0, w = 0, wNorm = 0, inverse = 0;
  const double perClass = 1.0 / static_cast<double>(numClasses());
  for (size_t i = 0; i < d; i++) {
    w += std::pow(wbar[i] - exact.sum[i], 2);
    wNorm += std::pow(exact.sum[i], 2);
    for (size_t j = 0; j < d; j++) {
      const double truth = exact.centred[i * d + j] + exact.sum[i] * exact.sum[j] * perClass;
      q += std::pow(qc.value(i, j) + wbar[i] * wbar[j] * perClass - truth, 2);
      qNorm += truth * truth;
    }
  }
  // Row i of Ui U^T - I.
  std::vector<double> row(d), image(d);
  for (size_t i = 0; i < d; i++) {
    for (size_t j = 0; j < d; j++) row[j] = ui.value(i, j);
    u.multiply(image.data(), row.data());
    image[i] -= 1;
    for (double x : image) inverse += x * x;
  }
  const auto relative = [](double error, double norm) { return norm > 0 ? std::sqrt(error / norm) : std::sqrt(error); };
  return {relative(q, qNorm), relative(w, wNorm), std::sqrt(inverse / static_cast<double>(d))};
}

void FactoredWeights::refresh() {
  const size_t d = features();
  v.sweepAll();
  const Moments exact = moments();
  wbar = exact.sum;
  std::vector<double> forward(d * d), backward(d * d);
  for (size_t i = 0; i < d; i++) {
    for (size_t j = 0; j < d; j++) {
      qc.set(i, j, exact.centred[i * d + j]);
      forward[i * d + j] = u.value(j, i);  // U^T, whose inverse is U^-T
    }
  }
  Lu lu;
  lu.factor(ConstMatrixD(forward.data(), d, d));
  lu.inverse(MatrixD(backward.data(), d, d));
  for (size_t i = 0; i < d; i++) {
    for (size_t j = 0; j < d; j++) ui.set(i, j, backward[i * d + j]);
  }
}

void FactoredWeights::restartU() {
  const size_t d = features();
  // V U = V - sum_i (V e_i) z_i^T,  z_i = e_i - row i of U
  std::vector<float> y(d * d), z(d * d);
  std::vector<CorrectionLog::Entry> entries;
  for (size_t i = 0; i < d; i++) {
    y[i * d + i] = 1;
    for (size_t j = 0; j < d; j++) z[i * d + j] = static_cast<float>((i == j) - u.value(i, j));
    entries.push_back({&y[i * d], &z[i * d], 1.0f});
  }
  v.log().append(entries);
  u.setIdentity(1);
  ui.setIdentity(1);
}

void FactoredWeights::decay(double c) {
  gamma *= c;
  constexpr float kFold = 1.0f / 256;
  while (gamma < kFold) {
    const std::vector<float> none(features());
    v.log().append({{none.data(), none.data(), 0.0f}}, kFold);
    qc.scaleByPowerOfTwo(kFold * kFold);
    for (double& x : omega) x *= kFold;
    for (double& x : wbar) x *= kFold;
    gamma /= kFold;
  }
}

void FactoredWeights::archive(Archive& archive) {
  u.archive(archive, "U");
  ui.archive(archive, "UinverseT");
  qc.archive(archive, "Qc");
  archive.array("omega", {omega.size()}, omega.data());
  archive.array("wbar", {wbar.size()}, wbar.data());
  archive.array("gamma", {1}, &gamma);
  v.archive(archive);
}

void FactoredWeights::addTo(Digest& digest) const {
  for (const CompensatedMatrix* matrix : {&u, &ui, &qc}) {
    for (const MatrixF& words : {matrix->hi(), matrix->lo()}) {
      for (size_t i = 0; i < features(); i++) digest.add(words.row(i), features() * sizeof(float));
    }
  }
  digest.add(omega.data(), omega.size() * sizeof(double));
  digest.add(wbar.data(), wbar.size() * sizeof(double));
  digest.number(gamma);
  const CorrectionLog& log = v.log();
  for (const uint64_t number : {log.begin(), log.end(), log.length()}) digest.number(number);
}

}  // namespace widehead
