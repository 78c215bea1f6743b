// What n outputs that are known by their sum and their sum of squares alone add to a sum of exponentials, taken for draws of a Gaussian:
//   mu = s / n,  v = q / n - mu^2,  log mean exp = mu + c(v)
// with c(v) = v/2 as long as v <= 2 log n. A larger v/2 would come from values that a Gaussian does not take among n draws: from there
// on c(v) = sqrt(2 v log n) - log n, its limit for many draws (Derrida's random energy model, 1981), which goes on from v/2 with the same
// slope. So outputs of any spread are safe, and a single one (n = 1) is what it is.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace widehead {

struct GaussianBulk {
  double n, mean = 0;
  double slope = 0;                                           // c'(v)
  double logMean = -std::numeric_limits<double>::infinity();  // log k

  GaussianBulk(double count, double sum, double squares) : n(count) {
    if (!(n > 0)) return;
    mean = sum / n;
    // Rounding may leave a variance a little below 0.
    const double variance = std::max(0.0, squares / n - mean * mean), entropy = std::log(n);
    const bool thin = variance > 2 * entropy;
    slope = thin || n == 1 ? std::sqrt(entropy / (2 * std::max(variance, 1e-300))) : 0.5;
    logMean = mean + (thin ? std::sqrt(2 * variance * entropy) - entropy : variance / 2);
  }

  // log of n k
  double logSum() const { return n > 0 ? logMean + std::log(n) : logMean; }
  // The derivatives of n k, over k: for the sum of squares, for the sum, and for an output that leaves the bulk.
  double forSquares() const { return slope; }
  double forSum() const { return 1 - 2 * slope * mean; }
  double forOutput(double o) const { return 1 + 2 * slope * (o - mean); }
};

}  // namespace widehead
