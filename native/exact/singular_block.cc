#include "exact/singular_block.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/rng.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"

namespace widehead {

namespace {

constexpr size_t B = SingularBlock::kVectors;

// The eigenvectors of a symmetric matrix by Jacobi's rotations, in the columns of `vectors`; eigenvalues are left on the
// diagonal. Four sweeps are plenty for 3 x 3.
void diagonalise(double (&a)[B][B], double (&vectors)[B][B]) {
  for (size_t i = 0; i < B; i++) {
    for (size_t j = 0; j < B; j++) vectors[i][j] = i == j;
  }
  for (size_t turn = 0; turn < 4 * B; turn++) {
    const size_t p = turn % B, q = (turn + 1) % B;
    if (a[p][q] == 0) continue;
    const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
    const double tangent = (theta < 0 ? -1 : 1) / (std::fabs(theta) + std::hypot(theta, 1.0));
    const double cosine = 1 / std::hypot(tangent, 1.0), sine = tangent * cosine;
    for (size_t k = 0; k < B; k++) {
      const double kp = a[k][p], kq = a[k][q], vp = vectors[k][p], vq = vectors[k][q];
      a[k][p] = cosine * kp - sine * kq;
      a[k][q] = sine * kp + cosine * kq;
      vectors[k][p] = cosine * vp - sine * vq;
      vectors[k][q] = sine * vp + cosine * vq;
    }
    for (size_t k = 0; k < B; k++) {
      const double pk = a[p][k], qk = a[q][k];
      a[p][k] = cosine * pk - sine * qk;
      a[q][k] = sine * pk + cosine * qk;
    }
  }
}

}  // namespace

SingularBlock::SingularBlock(size_t features, uint64_t seed)
    : features_(features), seed_(seed), x_(B * features), t_(B * features) {
  for (size_t i = 0; i < B; i++) renew(i);
}

void SingularBlock::renew(size_t i) {
  for (size_t j = 0; j < features_; j++) x_[i * features_ + j] = static_cast<float>(randomNormal(seed_, draws_++));
  values_[i] = 0;
}

void SingularBlock::suggest(const double* x) {
  double largest = 0;
  for (size_t j = 0; j < features_; j++) largest = std::max(largest, std::fabs(x[j]));
  float* to = &x_[(B - 1) * features_];
  for (size_t j = 0; j < features_; j++) to[j] = static_cast<float>(x[j] / largest);
}

void SingularBlock::iterate(ConstMatrixF matrix, int iterations) {
  for (size_t b = 0; b < B; b++) {
    const float* x = &x_[b * features_];
    if (kernels().dotDouble(x, x, features_) == 0) renew(b);
  }
  orthonormalise();
  const MatrixF x(x_.data(), B, features_), t(t_.data(), B, features_);
  for (int i = 0; i < iterations; i++) {
    gemm(t, x, matrix);
    gemm(x, t, matrix.transposed());
    orthonormalise();
  }
  gemm(t, x, matrix);
  rotate();
}

void SingularBlock::archive(ByteStream& stream) {
  stream.number(draws_);
  stream.array(x_.data(), kVectors * features_);
  stream.array(values_, kVectors);
}

// Gram and Schmidt; a vector that lies among the others (in fewer dimensions than vectors, always) becomes zero.
void SingularBlock::orthonormalise() {
  for (size_t b = 0; b < B; b++) {
    float* x = &x_[b * features_];
    const double before = kernels().dotDouble(x, x, features_);
    for (size_t other = 0; other < b; other++) {
      const float* y = &x_[other * features_];
      kernels().axpy(x, -static_cast<float>(kernels().dotDouble(x, y, features_)), y, features_);
    }
    const double square = kernels().dotDouble(x, x, features_);
    const bool left = square > 1e-10 * before && std::isfinite(square);
    if (left) {
      kernels().scale(x, static_cast<float>(1 / std::sqrt(square)), features_);
    } else {
      std::memset(x, 0, features_ * sizeof(float));
    }
  }
}

// Rayleigh and Ritz: the best vectors that the block's span holds.
void SingularBlock::rotate() {
  double gram[B][B], vectors[B][B];
  for (size_t i = 0; i < B; i++) {
    for (size_t j = 0; j < B; j++) gram[i][j] = kernels().dotDouble(&t_[i * features_], &t_[j * features_], features_);
  }
  diagonalise(gram, vectors);
  size_t order[B];
  for (size_t i = 0; i < B; i++) order[i] = i;
  std::sort(order, order + B, [&](size_t i, size_t j) { return gram[i][i] > gram[j][j]; });
  Term terms[B];
  for (size_t b = 0; b < B; b++) terms[b].x = &x_[b * features_];
  for (size_t i = 0; i < B; i++) {
    for (size_t b = 0; b < B; b++) terms[b].coefficient = vectors[b][order[i]];
    kernels().combine(&t_[i * features_], terms, B, features_);
    values_[i] = std::sqrt(std::max(0.0, gram[order[i]][order[i]]));
  }
  std::swap(x_, t_);
}

}  // namespace widehead
