// ||o - y||^2 = q - 2 sum y a + sum y^2
#pragma once

#include "losses/loss.h"

namespace widehead {

inline void squaredError(const LossBatch& batch, const double*) {
  for (size_t j = 0; j < batch.m; j++) {
    double loss = batch.q[j];
    for (uint32_t k = batch.indptr[j]; k < batch.indptr[j + 1]; k++) {
      const double y = batch.values[k];
      loss += y * (y - 2 * batch.a[k]);
      batch.ga[k] = -2 * y;
    }
    batch.losses[j] = loss;
    batch.gq[j] = 1;
    batch.gs[j] = 0;
  }
}

}  // namespace widehead
