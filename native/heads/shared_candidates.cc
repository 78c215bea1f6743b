// All examples see the same candidates: logits, means and gradients are matrix products over blocks of candidates. The
// exponentials of a block are shifted by the largest logit so far; where a later block has a larger one, what was summed is
// scaled down (the "online" softmax, Milakov & Gimelshein, arXiv 1805.02867).

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/pool.h"
#include "heads/candidate_softmax.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"

namespace widehead {

namespace {

// Exponentials of this many (example, candidate) pairs are held from score to apply; of more, only a block's are, and
// gradients compute them again.
constexpr size_t kHeld = 1 << 23;
constexpr size_t kGrain = 4;  // examples a thread

class SharedShape : public SoftmaxShape {
 public:
  void score(SoftmaxScratch& scratch, const Candidates& candidates, const RowTable& table, Pass& pass,
             bool means) override;
  void gradients(float* out, SoftmaxScratch& scratch, const Candidates& candidates, const RowTable& table,
                 const Pass& pass, size_t begin, size_t end) override;
  size_t bytes() const override {
    return exponentials_.bytes() + rows_.bytes() + shifts_.bytes() + scaled_.bytes() + factors_.bytes();
  }

 private:
  void reserve(const SoftmaxScratch& scratch, const Candidates& candidates, const RowTable& table, const Pass& pass);
  ConstMatrixF rowsOf(const Candidates& candidates, const RowTable& table, size_t begin, size_t end);
  MatrixF block(size_t m, size_t begin, size_t end) const;
  // The logits of a block, corrected.
  void logits(MatrixF out, const Candidates& candidates, ConstMatrixF rows, const Pass& pass, size_t begin) const;
  void addExponentials(SoftmaxScratch& scratch, MatrixF o, Pass& pass, size_t begin, float* shifts, bool means);
  void scaleHidden(const SoftmaxScratch& scratch, const Pass& pass, size_t features, const float* shifts);

  bool held_ = false;
  Buffer<float> exponentials_;  // m x block, or one behind the other
  Buffer<float> rows_;          // block x features: gathered
  Buffer<float> shifts_;        // m a block: what its exponentials were shifted by, if they are held
  Buffer<float> factors_;       // m: of what was summed before this block
  Buffer<float> scaled_;        // m x features
};

void SharedShape::reserve(const SoftmaxScratch& scratch, const Candidates& candidates, const RowTable& table,
                          const Pass& pass) {
  const size_t m = pass.m, count = candidates.count(table), blocks = (count + scratch.block - 1) / scratch.block;
  held_ = blocks == 1 || count <= kHeld / m;
  exponentials_.reserve(m * (held_ ? count : scratch.block));
  if (!candidates.all) rows_.reserve(scratch.block * table.features());
  shifts_.reserve(m * blocks);
  factors_.reserve(m);
  scaled_.reserve(m * table.features());
}

MatrixF SharedShape::block(size_t m, size_t begin, size_t end) const {
  return {exponentials_.data() + (held_ ? m * begin : 0), m, end - begin};
}

ConstMatrixF SharedShape::rowsOf(const Candidates& candidates, const RowTable& table, size_t begin, size_t end) {
  if (candidates.all) return table.range(begin, end);
  table.gather(rows_.data(), &candidates.rows[begin], end - begin);
  return {rows_.data(), end - begin, table.features()};
}

void SharedShape::logits(MatrixF out, const Candidates& candidates, ConstMatrixF rows, const Pass& pass,
                         size_t begin) const {
  gemm(out, ConstMatrixF(pass.hidden.data(), pass.m, rows.cols), rows.transposed());
  if (candidates.all || candidates.correction.empty()) return;
  parallelFor(pass.m, kGrain, [&](size_t first, size_t last) {
    for (size_t j = first; j < last; j++) kernels().axpy(out.row(j), -1, &candidates.correction[begin], out.cols);
  });
}

void SharedShape::score(SoftmaxScratch& scratch, const Candidates& candidates, const RowTable& table, Pass& pass,
                        bool means) {
  const size_t m = pass.m, d = scratch.width, count = candidates.count(table);
  reserve(scratch, candidates, table, pass);
  std::fill_n(scratch.largest.data(), m, -std::numeric_limits<float>::infinity());
  std::fill_n(scratch.sums.data(), m, 0.0);
  if (means) std::fill_n(scratch.means.data(), m * d, 0.0f);
  for (size_t begin = 0; begin < count; begin += scratch.block) {
    const size_t end = std::min(begin + scratch.block, count);
    const ConstMatrixF rows = rowsOf(candidates, table, begin, end);
    const MatrixF o = block(m, begin, end);
    logits(o, candidates, rows, pass, begin);
    addExponentials(scratch, o, pass, begin, &shifts_[begin / scratch.block * m], means && begin > 0);
    if (!means) continue;
    const ConstMatrixF weights(rows.data, rows.rows, d, rows.rowStride);
    gemm(MatrixF(scratch.means.data(), m, d), o, weights, 1, Into::Add);
  }
}

void SharedShape::addExponentials(SoftmaxScratch& scratch, MatrixF o, Pass& pass, size_t begin, float* shifts,
                                  bool means) {
  const Targets& targets = pass.targets;
  const size_t d = scratch.width;
  parallelFor(pass.m, kGrain, [&](size_t first, size_t last) {
    for (size_t j = first; j < last; j++) {
      for (size_t k = targets.indptr()[j]; k < targets.indptr()[j + 1]; k++) {
        const size_t place = scratch.placeOf[targets.slot(k)];
        if (place >= begin && place - begin < o.cols) pass.a[k] = o(j, place - begin);
      }
      const float before = scratch.largest[j], shift = std::max(before, kernels().largest(o.row(j), o.cols));
      const double factor = std::exp(double{before} - shift);
      scratch.sums[j] = scratch.sums[j] * factor + kernels().expSum(o.row(j), shift, o.cols);
      scratch.largest[j] = shifts[j] = shift;
      if (means && factor != 1) kernels().scale(&scratch.means[j * d], static_cast<float>(factor), d);
    }
  });
}

void SharedShape::scaleHidden(const SoftmaxScratch& scratch, const Pass& pass, size_t features, const float* shifts) {
  parallelFor(pass.m, kGrain, [&](size_t first, size_t last) {
    for (size_t j = first; j < last; j++) {
      const double late = shifts == nullptr ? 1 : std::exp(double{shifts[j]} - scratch.largest[j]);
      const Term term = {late * scratch.coefficients[j], &pass.hidden[j * features]};
      kernels().combine(&scaled_[j * features], &term, 1, features);
    }
  });
}

void SharedShape::gradients(float* out, SoftmaxScratch& scratch, const Candidates& candidates, const RowTable& table,
                            const Pass& pass, size_t begin, size_t end) {
  const size_t m = pass.m, n = table.features();
  const MatrixF o = block(m, begin, end);
  if (!held_) {
    logits(o, candidates, rowsOf(candidates, table, begin, end), pass, begin);
    parallelFor(m, kGrain, [&](size_t first, size_t last) {
      for (size_t j = first; j < last; j++) kernels().expSum(o.row(j), scratch.largest[j], o.cols);
    });
  }
  scaleHidden(scratch, pass, n, held_ ? &shifts_[begin / scratch.block * m] : nullptr);
  gemm(MatrixF(out, end - begin, n), o.transposed(), ConstMatrixF(scaled_.data(), m, n));
}

}  // namespace

std::unique_ptr<SoftmaxShape> makeSharedShape() { return std::make_unique<SharedShape>(); }

}  // namespace widehead
