#include "exact/compensated_matrix.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/pool.h"
#include "kernels/kernels.h"

namespace widehead {

namespace {
constexpr size_t kGrain = 64;  // rows a thread: a row is a few hundred operations
// Numbers of a row at a time, on the stack: these calls are made when nothing may fail any more.
constexpr size_t kPiece = 256;

// body(i, begin, count): numbers begin .. begin + count - 1 of row i of an n x n matrix.
template <class Body>
void overPieces(size_t n, const Body& body) {
  parallelFor(n, kGrain, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; i++) {
      for (size_t begin = 0; begin < n; begin += kPiece) body(i, begin, std::min(kPiece, n - begin));
    }
  });
}
}  // namespace

void CompensatedMatrix::setIdentity(double diagonal) {
  std::fill_n(hi_.data(), n_ * stride_, 0.0f);
  std::fill_n(lo_.data(), n_ * stride_, 0.0f);
  for (size_t i = 0; i < n_; i++) set(i, i, diagonal);
}

void CompensatedMatrix::archive(Archive& archive, const std::string& name) {
  std::vector<float> packed(n_ * n_);
  for (auto [words, part] : {std::pair{".high", &hi_}, std::pair{".low", &lo_}}) {
    for (size_t i = 0; i < n_; i++) std::copy_n(part->data() + i * stride_, n_, &packed[i * n_]);
    archive.array(name + words, {n_, n_}, packed.data());
    for (size_t i = 0; i < n_; i++) std::copy_n(&packed[i * n_], n_, part->data() + i * stride_);
  }
}

void CompensatedMatrix::scaleByPowerOfTwo(float factor) {
  kernels().scale(hi_.data(), factor, n_ * stride_);
  kernels().scale(lo_.data(), factor, n_ * stride_);
}

void CompensatedMatrix::scale(double factor) {
  overPieces(n_, [&](size_t i, size_t begin, size_t count) {
    double piece[kPiece];
    for (size_t j = 0; j < count; j++) piece[j] = value(i, begin + j);
    const size_t at = i * stride_ + begin;
    kernels().compensatedAxpyWide(&hi_[at], &lo_[at], factor - 1, piece, count);
  });
}

void CompensatedMatrix::multiply(double* y, const double* x) const {
  parallelFor(n_, kGrain, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      y[i] = kernels().dotWide(x, &hi_[i * stride_], n_) + kernels().dotWide(x, &lo_[i * stride_], n_);
    }
  });
}

void CompensatedMatrix::multiplyTransposed(double* y, const double* x, size_t count) const {
  // Threads own columns, so that the sum over rows has one order.
  parallelFor(n_, kGrain, [&](size_t begin, size_t end) {
    for (size_t v = 0; v < count; v++) std::fill(y + v * n_ + begin, y + v * n_ + end, 0.0);
    for (size_t i = 0; i < n_; i++) {
      for (size_t v = 0; v < count; v++) {
        kernels().axpyWide(y + v * n_ + begin, x[v * n_ + i], &hi_[i * stride_ + begin], end - begin);
        kernels().axpyWide(y + v * n_ + begin, x[v * n_ + i], &lo_[i * stride_ + begin], end - begin);
      }
    }
  });
}

void CompensatedMatrix::multiplyRoughly(double* y, const double* x, size_t count) const {
  parallelFor(n_, kGrain, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      for (size_t v = 0; v < count; v++) y[v * n_ + i] = kernels().dotWide(x + v * n_, &hi_[i * stride_], n_);
    }
  });
}

double CompensatedMatrix::rmsSingularValue() const {
  double squares = 0;
  for (size_t i = 0; i < n_; i++) squares += kernels().dot(&hi_[i * stride_], &hi_[i * stride_], n_);
  return std::sqrt(squares / static_cast<double>(n_));
}

void CompensatedMatrix::addRankOne(double c, const double* x, const double* y) {
  parallelFor(n_, kGrain, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++)
      kernels().compensatedAxpyWide(&hi_[i * stride_], &lo_[i * stride_], c * x[i], y, n_);
  });
}

void CompensatedMatrix::subtractSymmetric(ConstMatrixF t) {
  overPieces(n_, [&](size_t i, size_t begin, size_t count) {
    float piece[kPiece];
    // t(i, j) + t(j, i) is the same float whichever comes first: the sum stays symmetric to the bit.
    for (size_t j = 0; j < count; j++) piece[j] = t(i, begin + j) + t(begin + j, i);
    const size_t at = i * stride_ + begin;
    kernels().compensatedAxpy(&hi_[at], &lo_[at], -1.0f, piece, count);
  });
}

}  // namespace widehead
