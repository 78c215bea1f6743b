// The bulk softmax of one example: from its outputs to the loss and its derivatives.
#pragma once

#include "base/matrix.h"
#include "heads/bulk_pass.h"
#include "losses/gaussian_bulk.h"

namespace widehead {

class BulkLoss {
 public:
  // share: of the bulk, that what is drawn stands for. offset: omega . h, which the shared outputs lack.
  BulkLoss(BulkPass& pass, size_t numClasses, double share, size_t example, double offset);

  // Fills losses, gq, gs, ga of the example, and its row of the shared gradients, which are over m and gamma already.
  void compute(double gamma);

 private:
  void addShared();
  void addOwn();
  void differentiate(const GaussianBulk& rest, double gamma);
  void differentiateShared(const GaussianBulk& rest, double scale);

  BulkPass& pass_;
  const size_t j_, sure_, drawn_, begin_, end_;  // columns; entries of the example's own targets
  const double left_, share_, offset_;           // classes in the bulk
  const float* outputs_;
  float* g_;  // the exponentials of the shared outputs, then their derivatives

  double sum_ = 0, squares_ = 0, largest_;  // over S
  double total_ = 0, weighted_ = 0;         // of the targets' values, and of value times output
  double shift_ = 0, z_ = 0, k_ = 0;        // z and k are those of outputs less shift, k as a part of z
};

}  // namespace widehead
