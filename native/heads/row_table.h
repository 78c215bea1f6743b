// The weights of a head that holds them as they are: rows of `features` numbers, a class's bias last, and the state of
// their optimiser. Both lie in pages that cost nothing until their row is trained, and a step works on the rows it names
// alone: never a pass over all of them.
//
// A step on a row with the gradient g, from the whole minibatch's mean:
//   w <- (1 - learningRate * weightDecay) w                decoupled from the optimiser (Loshchilov & Hutter, arXiv 1711.05101)
//   w <- w - the optimiser's step for scale * g            scale = clipNorm / norm where the norm is larger, else 1
// so a row that no step names neither decays nor forgets: its Adam counts its own steps (optim/optimizer.h).
//
// Among several ranks a table has the rows of its rank's classes (comm/shard.h), and rows are named by their places in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/matrix.h"
#include "base/pages.h"
#include "comm/shard.h"
#include "heads/head.h"
#include "optim/optimizer.h"

namespace widehead {

// What is the same for all rows of one step.
struct RowStep {
  double learningRate, decay, scale;
};
// gradNorm: the Frobenius norm of the whole gradient. Throws WIDEHEAD_LOSS if it is too large, or no number.
RowStep rowStep(const ApplyOptions& options, double gradNorm);

class RowTable {
 public:
  RowTable(size_t numClasses, size_t hiddenSize, size_t features, const InitConfig& init,
           const OptimizerSettings& optimizer, const Shard& shard = {});

  const Shard& shard() const { return shard_; }
  size_t rows() const { return rows_; }
  size_t hiddenSize() const { return hiddenSize_; }
  size_t features() const { return features_; }
  const float* row(size_t i) const { return w_.data() + i * features_; }
  // Rows begin .. end, biases included; and without.
  ConstMatrixF range(size_t begin, size_t end) const;
  ConstMatrixF weights(size_t begin, size_t end) const;

  // out (n x features) = the rows named, in that order.
  void gather(float* out, const uint32_t* ids, size_t n) const;

  // One step on n different rows with their gradients (n x features), the whole gradient of the minibatch's loss. Returns
  // its Frobenius norm. Nothing changes at a learning rate of 0.
  double update(const uint32_t* ids, size_t n, const float* gradients, const ApplyOptions& options);
  // The same for a part of the gradient, its norm known: rows named, or `n` rows from `first` on.
  void updateRows(const uint32_t* ids, size_t n, const float* gradients, const RowStep& step);
  void updateRange(size_t first, size_t n, const float* gradients, const RowStep& step);

  void archive(Archive& archive);

  size_t bytes() const { return w_.bytes() + optimizer_->bytes(); }

 private:
  void updateRun(size_t first, size_t n, const float* gradients, const RowStep& step);

  const Shard shard_;
  size_t rows_, capacity_, hiddenSize_, features_;  // capacity: the same on all ranks, so that checkpoints are alike
  Pages<float> w_;
  std::unique_ptr<Optimizer> optimizer_;
};

// Sum of squares in float64, in an order that does not depend on the number of threads.
double squaredNorm(const float* x, size_t n);

}  // namespace widehead
