// Each example sees candidates of its own: its logits are dot products with their rows, and the gradient of a row is
// summed over the examples that see it. Work and memory are those of the lists, whatever the size of their union.

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/pool.h"
#include "base/prefetch.h"
#include "heads/candidate_softmax.h"
#include "kernels/kernels.h"

namespace widehead {

namespace {

constexpr size_t kAhead = 4;  // rows asked for early

class OwnShape : public SoftmaxShape {
 public:
  void score(SoftmaxScratch& scratch, const Candidates& candidates, const RowTable& table, Pass& pass,
             bool means) override;
  void gradients(float* out, SoftmaxScratch& scratch, const Candidates& candidates, const RowTable& table,
                 const Pass& pass, size_t begin, size_t end) override;
  size_t bytes() const override {
    return exponentials_.bytes() + (ptr_.capacity() + exampleOf_.capacity() + entryOf_.capacity()) * sizeof(uint32_t);
  }

 private:
  void scoreExample(SoftmaxScratch& scratch, const Candidates& candidates, const RowTable& table, Pass& pass, size_t j);
  void groupByCandidate(const Candidates& candidates);

  Buffer<float> exponentials_;  // one an entry of candidates.places
  // Candidate c has the entries ptr_[c] .. ptr_[c + 1], examples rising.
  std::vector<uint32_t> ptr_, exampleOf_, entryOf_;
};

void OwnShape::score(SoftmaxScratch& scratch, const Candidates& candidates, const RowTable& table, Pass& pass,
                     bool means) {
  const size_t d = scratch.width;
  exponentials_.reserve(candidates.places.size());
  if (means) groupByCandidate(candidates);
  parallelFor(pass.m, 1, [&](size_t first, size_t last) {
    for (size_t j = first; j < last; j++) {
      scoreExample(scratch, candidates, table, pass, j);
      if (!means) continue;
      float* mean = &scratch.means[j * d];
      std::fill_n(mean, d, 0.0f);
      for (size_t e = candidates.indptr[j]; e < candidates.indptr[j + 1]; e++) {
        kernels().axpy(mean, exponentials_[e], table.row(candidates.rows[candidates.places[e]]), d);
      }
    }
  });
}

void OwnShape::scoreExample(SoftmaxScratch& scratch, const Candidates& candidates, const RowTable& table, Pass& pass,
                            size_t j) {
  const Targets& targets = pass.targets;
  const size_t n = table.features(), begin = candidates.indptr[j], end = candidates.indptr[j + 1];
  const uint32_t* places = candidates.places.data();
  const float* h = &pass.hidden[j * n];
  for (size_t e = begin; e < end; e++) {
    if (e + kAhead < end) prefetchFloats(table.row(candidates.rows[places[e + kAhead]]), n);
    exponentials_[e] = kernels().dot(h, table.row(candidates.rows[places[e]]), n);
    if (!candidates.correction.empty()) exponentials_[e] -= candidates.correction[places[e]];
  }
  for (size_t k = targets.indptr()[j]; k < targets.indptr()[j + 1]; k++) {
    const uint32_t place = scratch.placeOf[targets.slot(k)];
    if (place == SoftmaxScratch::kElsewhere) continue;
    const uint32_t* found = std::lower_bound(places + begin, places + end, place);
    pass.a[k] = exponentials_[static_cast<size_t>(found - places)];
  }
  float* o = exponentials_.data() + begin;
  scratch.largest[j] = end > begin ? kernels().largest(o, end - begin) : -std::numeric_limits<float>::infinity();
  scratch.sums[j] = end > begin ? kernels().expSum(o, scratch.largest[j], end - begin) : 0;
}

void OwnShape::groupByCandidate(const Candidates& candidates) {
  const size_t count = candidates.rows.size(), entries = candidates.places.size();
  ptr_.assign(count + 1, 0);
  exampleOf_.resize(entries);
  entryOf_.resize(entries);
  for (uint32_t place : candidates.places) ptr_[place + 1]++;
  for (size_t c = 0; c < count; c++) ptr_[c + 1] += ptr_[c];
  for (size_t j = 0; j + 1 < candidates.indptr.size(); j++) {
    for (uint32_t e = candidates.indptr[j]; e < candidates.indptr[j + 1]; e++) {
      const uint32_t at = ptr_[candidates.places[e]]++;
      exampleOf_[at] = static_cast<uint32_t>(j);
      entryOf_[at] = e;
    }
  }
  for (size_t c = count; c > 0; c--) ptr_[c] = ptr_[c - 1];
  ptr_[0] = 0;
}

void OwnShape::gradients(float* out, SoftmaxScratch& scratch, const Candidates&, const RowTable& table,
                         const Pass& pass, size_t begin, size_t end) {
  const size_t n = table.features();
  parallelFor(end - begin, 16, [&](size_t first, size_t last) {
    for (size_t c = begin + first; c < begin + last; c++) {
      float* row = out + (c - begin) * n;
      std::fill_n(row, n, 0.0f);
      for (size_t i = ptr_[c]; i < ptr_[c + 1]; i++) {
        const size_t j = exampleOf_[i];
        kernels().axpy(row, scratch.coefficients[j] * exponentials_[entryOf_[i]], &pass.hidden[j * n], n);
      }
    }
  });
}

}  // namespace

std::unique_ptr<SoftmaxShape> makeOwnShape() { return std::make_unique<OwnShape>(); }

}  // namespace widehead
