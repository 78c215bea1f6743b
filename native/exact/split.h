// Where a step's matrix A = I - H diag(weight) H^T is nearly singular, and what A can do to U.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "exact/step.h"
#include "kernels/kernels.h"

namespace widehead {

// Turns x towards the eigenvector whose eigenvalue is nearest 0. multiply(y, x): y = M^-1 x, up to a factor.
template <class Multiply>
void inverseIteration(std::vector<double>& x, const Multiply& multiply) {
  // A fixed start without structure: no symmetry of the data is orthogonal to it.
  for (size_t i = 0; i < x.size(); i++) x[i] = 1 + 0.5 * std::sin(12.9898 * static_cast<double>(i + 1));
  std::vector<double> next(x.size());
  for (int iteration = 0; iteration < 4; iteration++) {
    multiply(next, x);
    double size = 0;
    for (double value : next) size = std::max(size, std::fabs(value));
    if (!(size > 0) || !std::isfinite(size)) break;
    for (size_t i = 0; i < x.size(); i++) x[i] = next[i] / size;
  }
}

// The eigenvalue of A nearest 0, by inverse iteration with K^-1 (up to a factor, as float32), K = I - G diag(weight), G = H H^T
// (rows are examples): if K^T w = nu w then x = H w has A x = nu x. `direction` becomes w. The value is A's Rayleigh quotient at x, so it
// is right to second order however few and coarse the iterations were.
inline double smallestEigenvalue(std::vector<double>& direction, ConstMatrixF inverse, ConstMatrixF gram,
                                 const std::vector<double>& weight) {
  const size_t k = weight.size();
  std::vector<double>& w = direction;
  w.resize(k);
  inverseIteration(w, [&](std::vector<double>& y, const std::vector<double>& x) {
    std::fill(y.begin(), y.end(), 0.0);
    for (size_t i = 0; i < k; i++) kernels().axpyWide(y.data(), x[i], inverse.row(i), k);
  });
  double norm = 0, quotient = 0;
  for (size_t i = 0; i < k; i++) {
    const double image = kernels().dotWide(w.data(), gram.row(i), k);
    norm += w[i] * image;
    quotient += weight[i] * image * image;
  }
  return norm > 0 ? 1 - quotient / norm : 1;
}

// What A' can do to the singular values of U. A' - I has the eigenvalues -lambda with sum of squares `squares`, one of which
// was found to be nu - 1. All others are smaller than the root of the squares that are left: a bound that holds for clusters of
// eigenvalues too, which inverse iteration does not resolve.
inline StepEffect boundEffect(double nu, double squares, bool onlyShrinks) {
  const double rest = std::sqrt(std::max(0.0, squares - (1 - nu) * (1 - nu)));
  StepEffect effect;
  effect.contraction = std::max(0.0, std::min(std::fabs(nu), 1 - rest));
  effect.growth = onlyShrinks ? std::max(1.0, std::sqrt(squares) - 1) : 1 + std::sqrt(squares);
  return effect;
}

// A step that shrinks nothing to less than this tells the watch on U nothing new.
constexpr double kShrinks = 0.95;

// The sum of squares of the eigenvalues of H diag(weight) H^T.
inline double sumOfSquares(ConstMatrixF gram, const std::vector<double>& weight) {
  const size_t k = weight.size();
  std::vector<double> columns(k);
  for (size_t i = 0; i < k; i++) {
    const float* g = gram.row(i);
    for (size_t j = 0; j < k; j++) columns[j] += weight[i] * (static_cast<double>(g[j]) * g[j]);
  }
  double sum = 0;
  for (size_t j = 0; j < k; j++) sum += weight[j] * columns[j];
  return sum;
}

}  // namespace widehead
