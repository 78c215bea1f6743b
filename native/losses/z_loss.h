// sum y softplus(alpha (beta - z)) / alpha, z = (a - mu) / sigma, mu = s / D, sigma^2 = q / D - mu^2 (arXiv 1604.08859)
#pragma once

#include <algorithm>
#include <cmath>

#include "losses/loss.h"

namespace widehead {

inline void zLoss(const LossBatch& batch, const double* parameters) {
  const double alpha = parameters[0], beta = parameters[1], d = static_cast<double>(batch.numClasses);
  for (size_t j = 0; j < batch.m; j++) {
    const double mu = batch.s[j] / d, square = batch.q[j] / d, variance = square - mu * mu, sigma = std::sqrt(variance);
    // Outputs that are all alike (an example whose hidden vector is 0) have no order: z is 0 whatever changes.
    const bool alike = !(variance > 1e-13 * square);
    double loss = 0, sumR = 0, sumRz = 0;
    for (uint32_t k = batch.indptr[j]; k < batch.indptr[j + 1]; k++) {
      const double z = alike ? 0 : (batch.a[k] - mu) / sigma, t = alpha * (beta - z);
      loss += batch.values[k] * (std::max(t, 0.0) + std::log1p(std::exp(-std::fabs(t)))) / alpha;
      const double r = batch.values[k] / (1 + std::exp(-t));
      sumR += r;
      sumRz += r * z;
      batch.ga[k] = alike ? 0 : -r / sigma;
    }
    batch.losses[j] = loss;
    batch.gq[j] = alike ? 0 : sumRz / (2 * d * variance);
    batch.gs[j] = alike ? 0 : sumR / (d * sigma) - mu * sumRz / (d * variance);
  }
}

}  // namespace widehead
