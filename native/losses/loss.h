// The spherical family: a loss sees the D outputs o of an example only through q = sum o_i^2, s = sum o_i and the outputs
// a of its targets. It returns the derivatives for those, and the head does the rest.
// Sources: Vincent et al. 2015 (arXiv 1606.08061); de Brebisson & Vincent, arXiv 1511.05042 and 1604.08859.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace widehead {

// One minibatch of m examples; example j has the targets indptr[j] .. indptr[j + 1], each class once.
struct LossBatch {
  size_t m, numClasses;
  const double *q, *s;       // m
  const uint32_t* indptr;    // m + 1
  const double* a;           // one a target
  const float* values;       // one a target
  double *losses, *gq, *gs;  // m, to fill: the loss, dloss/dq, dloss/ds
  double* ga;                // one a target, to fill: dloss/da
};

using LossFunction = void (*)(const LossBatch& batch, const double* parameters);

struct LossEntry {
  const char* name;                     // the same string in TypeScript, the command line and saved models
  std::vector<std::string> parameters;  // names, in the order in which the function reads them
  LossFunction compute;
};

const std::vector<LossEntry>& losses();
const LossEntry* findLoss(const std::string& name);  // nullptr if there is none

// Throws Error WIDEHEAD_LOSS unless every number the loss filled in is finite.
void checkLoss(const LossBatch& batch);
void checkLosses(const double* losses, size_t m);  // the losses alone

}  // namespace widehead
