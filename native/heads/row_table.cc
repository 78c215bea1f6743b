#include "heads/row_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/pool.h"
#include "base/prefetch.h"
#include "kernels/kernels.h"

namespace widehead {

namespace {

// A thread's part should last longer than handing it over.
constexpr size_t kGrainFloats = 16384;
// Rows come from anywhere in the table: asking for them early hides the wait for memory.
constexpr size_t kAhead = 4;

size_t grainRows(size_t features) { return 1 + kGrainFloats / features; }

}  // namespace

RowStep rowStep(const ApplyOptions& options, double gradNorm) {
  checkGradNorm(gradNorm, "head");
  return {options.learningRate, 1 - options.learningRate * options.weightDecay,
          gradNorm > options.clipNorm ? options.clipNorm / gradNorm : 1};
}

double squaredNorm(const float* x, size_t n) {
  const size_t blocks = (n + kGrainFloats - 1) / kGrainFloats;
  std::vector<double> sums(blocks);
  parallelFor(blocks, 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      const float* block = x + i * kGrainFloats;
      sums[i] = kernels().dotDouble(block, block, std::min(kGrainFloats, n - i * kGrainFloats));
    }
  });
  double sum = 0;
  for (double each : sums) sum += each;
  return sum;
}

RowTable::RowTable(size_t numClasses, size_t hiddenSize, size_t features, const InitConfig& init,
                   const OptimizerSettings& optimizer, const Shard& shard)
    : shard_(shard), rows_(shard.rows(numClasses)), capacity_(shard.capacity(numClasses)), hiddenSize_(hiddenSize),
      features_(features),
      w_(elementCount(capacity_, features), init.kind == InitConfig::Zeros ? Fill::Sparse : Fill::Whole),
      optimizer_(makeOptimizer(optimizer, capacity_, features)) {
  if (init.kind == InitConfig::Zeros) return;
  parallelFor(rows_, 64, [&](size_t begin, size_t end) {
    for (size_t r = begin; r < end; r++) fillRow(&w_[r * features_], shard_.classOf(r), init, hiddenSize_, features_);
  });
}

ConstMatrixF RowTable::range(size_t begin, size_t end) const { return {row(begin), end - begin, features_}; }

ConstMatrixF RowTable::weights(size_t begin, size_t end) const {
  return {row(begin), end - begin, hiddenSize_, static_cast<ptrdiff_t>(features_)};
}

void RowTable::gather(float* out, const uint32_t* ids, size_t n) const {
  parallelFor(n, grainRows(features_), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      if (i + kAhead < end) prefetchFloats(row(ids[i + kAhead]), features_);
      std::memcpy(out + i * features_, row(ids[i]), features_ * sizeof(float));
    }
  });
}

double RowTable::update(const uint32_t* ids, size_t n, const float* gradients, const ApplyOptions& options) {
  const double norm = std::sqrt(squaredNorm(gradients, n * features_));
  updateRows(ids, n, gradients, rowStep(options, norm));
  return norm;
}

void RowTable::updateRows(const uint32_t* ids, size_t n, const float* gradients, const RowStep& step) {
  parallelFor(n, grainRows(features_), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      if (i + kAhead < end) {
        prefetchFloats(row(ids[i + kAhead]), features_);
        optimizer_->prefetch(ids[i + kAhead]);
      }
      updateRun(ids[i], 1, gradients + i * features_, step);
    }
  });
}

void RowTable::updateRange(size_t first, size_t n, const float* gradients, const RowStep& step) {
  parallelFor(n, grainRows(features_), [&](size_t begin, size_t end) {
    updateRun(first + begin, end - begin, gradients + begin * features_, step);
  });
}

void RowTable::updateRun(size_t first, size_t n, const float* gradients, const RowStep& step) {
  if (step.learningRate == 0) return;
  float* w = &w_[first * features_];
  if (step.decay != 1) kernels().scale(w, static_cast<float>(step.decay), n * features_);
  optimizer_->update(w, gradients, first, n, static_cast<float>(step.scale), step.learningRate);
}

void RowTable::archive(Archive& archive) {
  archive.rows("W", w_.data(), capacity_, features_);
  archiveState(archive, *optimizer_, "W", capacity_);
}

}  // namespace widehead
