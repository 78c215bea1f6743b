// The k best of D classes for each of m examples. Every thread ranks a range of the classes, and the ranges' best are merged, so
// that the result does not depend on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/buffer.h"
#include "base/matrix.h"

namespace widehead {

// What makes an output of a score: o = scale * (score + offsets[j]) in float64, rounded once, for example j; the score itself without
// offsets. scale > 0.
struct OutputMap {
  double scale = 1;
  const double* offsets = nullptr;

  float output(float score, size_t j) const {
    return offsets == nullptr ? score : static_cast<float>(scale * (score + offsets[j]));
  }
};

struct Ranked {
  float rank, score;
  uint32_t id;
};
inline bool ranksBefore(const Ranked& a, const Ranked& b) { return a.rank != b.rank ? a.rank > b.rank : a.id < b.id; }

// The best of one range of classes, which come in rising order of their ids. Nearly all are ruled out by a comparison of their
// score with limits that the worst of the k best so far sets.
class TopK {
 public:
  // square: rank by the output's square. The range has `most` classes: no list will be longer.
  TopK(size_t m, size_t k, size_t most, bool square, const OutputMap& map);

  // Scores of classes first .. first + n - 1: n rows of m numbers; shifts, if not null, holds one number a class, shiftStride apart,
  // that is added to its scores.
  void offerClasses(ConstMatrixF scores, const float* shifts, size_t shiftStride, size_t first);
  // The same for n outputs of example j alone, already shifted and mapped.
  void offerOutputs(size_t j, const float* outputs, size_t n, size_t first);

  const std::vector<Ranked>& best(size_t j) const { return best_[j]; }

 private:
  bool full() const { return best_[0].size() == k_; }  // all examples see the same classes
  bool anyAbove(ConstMatrixF scores, const float* shifts, size_t shiftStride) const;
  void consider(size_t j, float output, uint32_t id);
  void setLimits(size_t j);

  const size_t m_, k_;
  const bool square_;
  const OutputMap map_;
  std::vector<std::vector<Ranked>> best_;  // heaps with the worst in front
  std::vector<float> high_, low_;          // a score between the two is in no list
};

// All rows of a matrix as the classes of a search.
struct RowSearch {
  size_t numClasses;
  ConstMatrixF queries;  // m x n, row-major: the score of a class is the product of its row with a query
  // Rows begin .. end, row-major; in place or copied to scratch. Called from several threads at once, each with a scratch of its own.
  std::function<ConstMatrixF(size_t begin, size_t end, Buffer<float>& scratch)> rows;
  const float* shifts = nullptr;  // one a class, shiftStride apart, added to its scores; null: none
  size_t shiftStride = 0;
  OutputMap map = {};
};

// classes, outputs: m x k, best first, ties to the lower id; by the output or its square.
void searchRows(int32_t* classes, float* outputs, const RowSearch& search, size_t k, bool square);

}  // namespace widehead
