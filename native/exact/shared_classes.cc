#include "exact/shared_classes.h"

#include <algorithm>

#include "base/pool.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"

namespace widehead {

void SharedClasses::gather(const RowStore& v, const std::vector<uint32_t>& classes) {
  const size_t count = classes.size();
  features_ = v.features();
  rows_.reserve(count * features_);
  v.gather(rows_.data(), order_, classes.data(), count);
  classes_.resize(count);
  columns_.resize(count);
  for (size_t i = 0; i < count; i++) {
    classes_[i] = classes[order_[i]];
    columns_[order_[i]] = i;
  }
}

void SharedClasses::score(ConstMatrixF hu, double gamma) {
  m_ = hu.rows;
  outputs_.reserve(m_ * count());
  gradients_.reserve(m_ * count());
  ones_.assign(count(), 1.0);
  gemm(outputs(), hu, ConstMatrixF(rows_.data(), count(), features_).transposed(), static_cast<float>(gamma));
}

double SharedClasses::gradientSum(size_t example) const {
  return kernels().dotWide(ones_.data(), &gradients_[example * count()], count());
}

void SharedClasses::addGradients(MatrixF vty) const {
  gemm(vty, ConstMatrixF(gradients_.data(), m_, count()), ConstMatrixF(rows_.data(), count(), features_), 1, Into::Add);
}

void SharedClasses::addOverlap(MatrixF overlap, ConstMatrixF h) {
  const MatrixF g = gradients(), classGradients(classGradients_.reserve(count() * features_), count(), features_);
  gemm(classGradients, g.transposed(), h);
  gemm(overlap, g, classGradients, 1, Into::Add);
}

void SharedClasses::prepareUpdate(const RowStore& v) { positions_.assign(count(), v.log().end()); }

void SharedClasses::update(RowStore& v, double eta, ConstMatrixF x) {
  if (positions_[0] != v.log().end()) v.log().bringUp(rows_.data(), count(), positions_.data());
  gemm(MatrixF(rows_.data(), count(), features_), gradients().transposed(), x, static_cast<float>(-eta), Into::Add);
  for (size_t i = 0; i < count(); i++) {
    std::copy_n(&rows_[i * features_], features_, v.raw(classes_[i]));
    v.markWritten(classes_[i]);
  }
}

}  // namespace widehead
