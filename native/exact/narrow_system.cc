#include "exact/narrow_system.h"

#include <algorithm>
#include <cmath>

#include "base/pool.h"
#include "exact/split.h"
#include "kernels/kernels.h"

namespace widehead {

namespace {

constexpr size_t kRows = 32;  // of k numbers, a thread
// Bordering an inverse of size 1 / nearest loses the square of that: of 16 digits 10 are left here.
constexpr double kBorder = 1e-3;

}  // namespace

void NarrowSystem::begin(size_t size, size_t most) {
  weight_.reserve(most);
  weight_.resize(size);
  added_.clear();
  lu_.reserve(most);
  stride_ = static_cast<ptrdiff_t>(most);
  gram_.reserve(most * most);
  inverseF_.reserve(most * most);
  system_.reserve(most * most);
  inverse_.reserve(most * most);
}

void NarrowSystem::invert() {
  const size_t k = size();
  const MatrixD system(system_.data(), k, k, stride_);
  parallelFor(k, kRows, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      const float* g = gram().row(i);
      double* row = system.row(i);
      const size_t base = i < k - added_.size() ? k - added_.size() : 0;
      for (size_t j = 0; j < base; j++) row[j] = -g[j] * weight_[j];
      for (size_t j = base; j < k; j++) row[j] = -product(i, j) * weight_[j];
      row[i] += 1;
    }
  });
  lu_.factor(system);
  lu_.inverse({inverse_.data(), k, k, stride_});
}

// float32(scale * K^-1)
void NarrowSystem::toFloat(double scale) {
  const size_t k = size();
  parallelFor(k, kRows, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      const Term term = {scale, nullptr, &inverse_[i * static_cast<size_t>(stride_)]};
      kernels().combine(&inverseF_[i * static_cast<size_t>(stride_)], &term, 1, k);
    }
  });
}

ConstMatrixF NarrowSystem::inverse() {
  toFloat(1);
  return {inverseF_.data(), size(), size(), stride_};
}

double NarrowSystem::nearestToZero(std::vector<double>& direction) {
  // The inverse of a singular system is too large for float32.
  std::vector<double> columns(size(), 1.0);
  for (size_t i = 0; i < size(); i++) {
    const double* row = &inverse_[i * static_cast<size_t>(stride_)];
    for (size_t j = 0; j < size(); j++) columns[j] = std::max(columns[j], std::fabs(row[j]));
  }
  toFloat(1 / *std::max_element(columns.begin(), columns.end()));
  return smallestEigenvalue(direction, {inverseF_.data(), size(), size(), stride_}, gram(), weight_);
}

void NarrowSystem::add(const std::vector<double>& products, double weight, double nearest) {
  const size_t k = size();
  weight_.push_back(weight);
  added_.push_back(products);
  const MatrixF g = gram();
  for (size_t i = 0; i <= k; i++) g(i, k) = g(k, i) = static_cast<float>(products[i]);
  if (std::fabs(nearest) < kBorder) {
    invert();
  } else {
    border();
  }
}

// The inverse of [K, b; c^T, e] from that of K, by S = e - c^T K^-1 b.
void NarrowSystem::border() {
  const size_t k = size() - 1, stride = static_cast<size_t>(stride_);
  std::vector<double> b(k), c(k), kb(k), ck(k);
  for (size_t i = 0; i < k; i++) {
    b[i] = -product(i, k) * weight_[k];
    c[i] = -product(k, i) * weight_[i];
  }
  for (size_t i = 0; i < k; i++) {
    const double* row = &inverse_[i * stride];
    double sums[4] = {0, 0, 0, 0};
    for (size_t j = 0; j < k; j++) {
      sums[j % 4] += row[j] * b[j];
      ck[j] += c[i] * row[j];
    }
    kb[i] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }
  double s = 1 - product(k, k) * weight_[k];
  for (size_t i = 0; i < k; i++) s -= c[i] * kb[i];
  for (double& value : kb) value /= -s;
  kernels().subtractProduct(inverse_.data(), stride_, kb.data(), 1, 1, ck.data(), stride_, k, k, 1);
  for (size_t i = 0; i < k; i++) {
    inverse_[i * stride + k] = kb[i];
    inverse_[k * stride + i] = -ck[i] / s;
  }
  inverse_[k * stride + k] = 1 / s;
}

}  // namespace widehead
