// -sum y log p, p_i = (1 + o_i + o_i^2 / 2) / Z, Z = D + s + q / 2 (arXiv 1511.05042)
#pragma once

#include <cmath>

#include "losses/loss.h"

namespace widehead {

inline void taylorSoftmax(const LossBatch& batch, const double*) {
  for (size_t j = 0; j < batch.m; j++) {
    const double z = static_cast<double>(batch.numClasses) + batch.s[j] + batch.q[j] / 2;
    double loss = 0, total = 0;
    for (uint32_t k = batch.indptr[j]; k < batch.indptr[j + 1]; k++) {
      const double y = batch.values[k], a = batch.a[k], numerator = 1 + a + a * a / 2;
      loss += y * std::log(z / numerator);
      total += y;
      batch.ga[k] = -y * (1 + a) / numerator;
    }
    batch.losses[j] = loss;
    batch.gq[j] = total / (2 * z);
    batch.gs[j] = total / z;
  }
}

}  // namespace widehead
