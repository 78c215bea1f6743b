// Where a step's matrix A = I - H diag(weight) H^T is nearly singular, found from m x m matrices.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "exact/step.h"

namespace widehead {

constexpr size_t kMaxSplit = 64;  // directions; a step with more eigenvalues near 0 than this restarts U

// Turns x towards the eigenvector whose eigenvalue is nearest 0. multiply(y, x): y = M^-1 x.
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

// The eigenvalue of A nearest 0, by inverse iteration with K^-1, K = I - G diag(weight), G = H H^T (rows are examples): if
// K^T w = nu w then x = H w has A x = nu x. `direction` becomes w. The value is A's Rayleigh quotient at x, so it is right
// to second order however few iterations there were.
inline double smallestEigenvalue(std::vector<double>& direction, const double* inverse, const std::vector<double>& gram,
                                 const std::vector<double>& weight) {
  const size_t k = weight.size();
  std::vector<double>& w = direction;
  w.resize(k);
  inverseIteration(w, [&](std::vector<double>& y, const std::vector<double>& x) {
    std::fill(y.begin(), y.end(), 0.0);
    for (size_t i = 0; i < k; i++) {
      for (size_t j = 0; j < k; j++) y[j] += inverse[i * k + j] * x[i];
    }
  });
  double norm = 0, quotient = 0;
  for (size_t i = 0; i < k; i++) {
    double sum = 0;
    for (size_t j = 0; j < k; j++) sum += gram[i * k + j] * w[j];
    norm += w[i] * sum;
    quotient += weight[i] * sum * sum;
  }
  return norm > 0 ? 1 - quotient / norm : 1;
}

// What A' can do to the singular values of U. A' - I has the eigenvalues -lambda with sum of squares `squares`, one of which
// was found to be nu - 1. All others are smaller than the root of the squares that are left: a bound that holds for clusters of eigenvalues too,
// which inverse iteration does not resolve.
inline StepEffect boundEffect(double nu, double squares, bool onlyShrinks) {
  const double rest = std::sqrt(std::max(0.0, squares - (1 - nu) * (1 - nu)));
  StepEffect effect;
  effect.contraction = std::max(0.0, std::min(std::fabs(nu), 1 - rest));
  effect.growth = onlyShrinks ? std::max(1.0, std::sqrt(squares) - 1) : 1 + std::sqrt(squares);
  return effect;
}

// The sum of squares of the eigenvalues of H diag(weight) H^T.
inline double sumOfSquares(const std::vector<double>& gram, const std::vector<double>& weight) {
  double sum = 0;
  for (size_t i = 0; i < weight.size(); i++) {
    for (size_t j = 0; j < weight.size(); j++) {
      const double g = gram[i * weight.size() + j];
      sum += weight[i] * weight[j] * g * g;
    }
  }
  return sum;
}

}  // namespace widehead
