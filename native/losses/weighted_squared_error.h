// w0 sum_{i no target} o_i^2 + w1 sum_c (a_c - y_c)^2 = w0 q + sum_c [(w1 - w0) a^2 - 2 w1 y a + w1 y^2]
// (Hu, Koren and Volinsky 2008, with the weight of what was not seen constant)
#pragma once

#include "losses/loss.h"

namespace widehead {

inline void weightedSquaredError(const LossBatch& batch, const double* parameters) {
  const double w0 = parameters[0], w1 = parameters[1];
  for (size_t j = 0; j < batch.m; j++) {
    double loss = w0 * batch.q[j];
    for (uint32_t k = batch.indptr[j]; k < batch.indptr[j + 1]; k++) {
      const double y = batch.values[k], a = batch.a[k];
      loss += (w1 - w0) * a * a + w1 * y * (y - 2 * a);
      batch.ga[k] = 2 * (w1 - w0) * a - 2 * w1 * y;
    }
    batch.losses[j] = loss;
    batch.gq[j] = w0;
    batch.gs[j] = 0;
  }
}

}  // namespace widehead
