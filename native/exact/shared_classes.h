// Classes that every example of a minibatch has an output and a gradient of, beside those of its own targets: what the exact head
// does with targets one by one, as products of matrices. G is m x S, the derivatives for their outputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/buffer.h"
#include "base/matrix.h"
#include "exact/factored_weights.h"

namespace widehead {

class SharedClasses {
 public:
  size_t count() const { return classes_.size(); }

  // Reads the rows of the classes of both lists, each of them once. Columns of the first list come first: column(i) is that of first[i] for
  // i < first.size(), then of second[i - first.size()].
  void gather(const RowStore& v, const std::vector<uint32_t>& first, const std::vector<uint32_t>& second);
  size_t column(size_t i) const { return columns_[i]; }
  uint32_t classOf(size_t column) const { return classes_[column]; }
  // outputs() = gamma (H U^T) rows^T, for hu = H U^T (m x n): outputs less the part omega . h that all classes of an example have.
  void score(ConstMatrixF hu, double gamma);
  MatrixF outputs() { return {outputs_.data(), m_, count()}; }
  // G / gamma, to be filled by the loss; then the sums of its rows.
  MatrixF gradients() { return {gradients_.data(), m_, count()}; }
  double gradientSum(size_t example) const;
  const double* ones() const { return ones_.data(); }  // S of them

  ConstMatrixF rows() const { return {rows_.data(), count(), features_}; }
  // vty (m x n) += G V_S
  void addGradients(MatrixF vty);
  // overlap (m x n) += G G^T H
  void addOverlap(MatrixF overlap, ConstMatrixF h);
  // Remembers where the rows stand in the log, before a step adds to it. The last that allocates.
  void prepareUpdate(const RowStore& v);
  // V_S -= eta G^T X, for rows brought past what the step has added to the log.
  void update(RowStore& v, double eta, ConstMatrixF x);

  size_t bytes() const {
    return rows_.bytes() + outputs_.bytes() + gradients_.bytes() + products_.bytes() + ones_.capacity() * sizeof(double);
  }

 private:
  void append(const RowStore& v, const std::vector<uint32_t>& classes);

  size_t m_ = 0, features_ = 0;
  std::vector<uint32_t> classes_;  // of each column
  std::vector<uint32_t> order_;
  std::vector<size_t> columns_;
  std::vector<uint64_t> positions_;
  std::vector<double> ones_;
  Buffer<float> rows_;                 // S x n
  Buffer<float> outputs_, gradients_;  // m x S
  Buffer<float> products_;             // m x m: G G^T, or S x n: G^T H
};

}  // namespace widehead
