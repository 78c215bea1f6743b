// -sum y log p, p_i = (o_i^2 + eps) / Z, Z = q + D eps (arXiv 1511.05042)
#pragma once

#include <cmath>

#include "losses/loss.h"

namespace widehead {

inline void sphericalSoftmax(const LossBatch& batch, const double* parameters) {
  const double epsilon = parameters[0];
  for (size_t j = 0; j < batch.m; j++) {
    const double z = batch.q[j] + static_cast<double>(batch.numClasses) * epsilon;
    double loss = 0, total = 0;
    for (uint32_t k = batch.indptr[j]; k < batch.indptr[j + 1]; k++) {
      const double y = batch.values[k], a = batch.a[k], numerator = a * a + epsilon;
      loss += y * std::log(z / numerator);
      total += y;
      batch.ga[k] = -2 * y * a / numerator;
    }
    batch.losses[j] = loss;
    batch.gq[j] = total / z;
    batch.gs[j] = 0;
  }
}

}  // namespace widehead
