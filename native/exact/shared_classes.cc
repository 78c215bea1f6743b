#include "exact/shared_classes.h"

#include <algorithm>

#include "base/pool.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"

namespace widehead {

void SharedClasses::gather(const RowStore& v, const std::vector<uint32_t>& first, const std::vector<uint32_t>& second) {
  features_ = v.features();
  rows_.reserve((first.size() + second.size()) * features_);
  classes_.clear();
  columns_.clear();
  append(v, first);
  append(v, second);
}

void SharedClasses::append(const RowStore& v, const std::vector<uint32_t>& classes) {
  const size_t before = count(), more = classes.size();
  v.gather(rows_.data() + before * features_, order_, classes.data(), more);
  classes_.resize(before + more);
  columns_.resize(before + more);
  for (size_t i = 0; i < more; i++) {
    classes_[before + i] = classes[order_[i]];
    columns_[before + order_[i]] = before + i;
  }
}

void SharedClasses::score(ConstMatrixF hu, double gamma) {
  m_ = hu.rows;
  outputs_.reserve(m_ * count());
  gradients_.reserve(m_ * count());
  ones_.assign(count(), 1.0);
  gemm(outputs(), hu, rows().transposed(), static_cast<float>(gamma));
}

double SharedClasses::gradientSum(size_t example) const {
  return kernels().dotWide(ones_.data(), gradients_.data() + example * count(), count());
}

void SharedClasses::addGradients(MatrixF vty) { gemm(vty, gradients(), rows(), 1, Into::Add); }

void SharedClasses::addOverlap(MatrixF overlap, ConstMatrixF h) {
  const MatrixF g = gradients();
  if (m_ <= features_) {
    const MatrixF products(products_.reserve(m_ * m_), m_, m_);
    syrk(products, g);
    gemm(overlap, products, h, 1, Into::Add);
  } else {
    const MatrixF products(products_.reserve(count() * features_), count(), features_);
    gemm(products, g.transposed(), h);
    gemm(overlap, g, products, 1, Into::Add);
  }
}

void SharedClasses::prepareUpdate(const RowStore& v) { positions_.assign(count(), v.log().end()); }

void SharedClasses::update(RowStore& v, double eta, ConstMatrixF x) {
  if (count() > 0 && positions_[0] != v.log().end()) v.log().bringUp(rows_.data(), count(), positions_.data());
  gemm(MatrixF(rows_.data(), count(), features_), gradients().transposed(), x, static_cast<float>(-eta), Into::Add);
  for (size_t i = 0; i < count(); i++) {
    std::copy_n(&rows_[i * features_], features_, v.raw(classes_[i]));
    v.markWritten(classes_[i]);
  }
}

}  // namespace widehead
