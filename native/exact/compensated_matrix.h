// A square matrix held as float32 high and low words: `hi` is the working copy that products read, hi + lo the sum that
// thousands of small updates go to.
#pragma once

#include <cstddef>
#include <string>

#include "base/archive.h"
#include "base/buffer.h"
#include "base/matrix.h"

namespace widehead {

class CompensatedMatrix {
 public:
  explicit CompensatedMatrix(size_t n) : n_(n), stride_(alignedStride(n)), hi_(n * stride_), lo_(n * stride_) {
    setIdentity(0);
  }

  MatrixF hi() const { return {hi_.data(), n_, n_, static_cast<ptrdiff_t>(stride_)}; }
  MatrixF lo() const { return {lo_.data(), n_, n_, static_cast<ptrdiff_t>(stride_)}; }
  double value(size_t i, size_t j) const { return static_cast<double>(hi_[i * stride_ + j]) + lo_[i * stride_ + j]; }
  void set(size_t i, size_t j, double value) {
    hi_[i * stride_ + j] = static_cast<float>(value);
    lo_[i * stride_ + j] = static_cast<float>(value - hi_[i * stride_ + j]);
  }
  void setIdentity(double diagonal);
  // By a power of two, which rounds nothing.
  void scaleByPowerOfTwo(float factor);

  void scale(double factor);

  // y = M x and y = M^T x in float64 (n each), for one vector or several, one after the other.
  void multiply(double* y, const double* x) const;
  void multiplyTransposed(double* y, const double* x, size_t count = 1) const;
  // y = M x by the high words alone, for an x that is small itself.
  void multiplyRoughly(double* y, const double* x, size_t count = 1) const;
  // The root of the mean square of M's singular values, by the high words.
  double rmsSingularValue() const;
  // M += c x y^T
  void addRankOne(double c, const double* x, const double* y);
  // M -= T + T^T for row-major T.
  void subtractSymmetric(ConstMatrixF t);

  void archive(Archive& archive, const std::string& name);

  size_t bytes() const { return hi_.bytes() + lo_.bytes(); }

 private:
  size_t n_, stride_;
  Buffer<float> hi_, lo_;
};

}  // namespace widehead
