// What the exact head keeps of one minibatch between its forward pass and its update. All of it is for W / gamma; n = features.
#pragma once

#include <cstdint>

#include "base/matrix.h"
#include "exact/shared_classes.h"
#include "heads/head.h"

namespace widehead {

struct ExactPass : Pass {
  static constexpr size_t kElsewhere = SIZE_MAX;
  Buffer<float> rows;               // own x n: the rows of V of targets.own(), up to date
  std::vector<uint32_t> order;      // rows[i] is that of targets.own()[order[i]]
  std::vector<size_t> place;        // distinct class u is rows[place[u]], or kElsewhere
  std::vector<uint64_t> positions;  // of rows, in the log before the step
  Buffer<float> hq;                 // m x n: H Qc
  Buffer<float> hu;                 // m x n: H U^T, with room for mostSplit(m) more rows
  Buffer<float> z, dhc;             // m x n: gradients of the centred weights, Z_c and 2 diag(gq) H Qc + Z_c
  std::vector<double> sHat;         // m: s / gamma
  std::vector<double> ybar, gbar;   // m: sum of an example's ga; mean of its gradient over all D outputs
  std::vector<float> gaHat;         // one a target: ga / gamma
  std::vector<double> mean;         // n: H gbar
  SharedClasses shared;             // none of them among the targets; empty but in the bulk softmax

  size_t bytes() const override {
    return Pass::bytes() + rows.bytes() + hq.bytes() + hu.bytes() + z.bytes() + dhc.bytes() + shared.bytes();
  }

  // Of target k; null if another rank holds it.
  const float* row(size_t k) const {
    const size_t at = place[targets.slot(k)];
    return at == kElsewhere ? nullptr : &rows[at * features];
  }
  size_t features = 0;
  MatrixF h() const { return {hidden.data(), m, features}; }
};

}  // namespace widehead
