// A dense layer y = f(x W^T + b), its gradients and its update.
//
// Shapes: x m x inputs, y m x size, W size x inputs (row-major), b size. f works element by element (activation.h).
// Starting weights are uniform with the variance that activation.h gives, biases 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/buffer.h"
#include "base/matrix.h"
#include "comm/meeting.h"
#include "optim/optimizer.h"
#include "trunk/activation.h"

namespace widehead {

class DenseLayer {
 public:
  DenseLayer(size_t inputs, size_t size, const Activation& activation, const OptimizerSettings& optimizer,
             uint64_t seed);

  void forward(MatrixF y, ConstMatrixF x) const;
  // dx = gradient for x. dy becomes that of x W^T + b; dW and db are kept for update(). x, y: of the forward pass.
  void backward(MatrixF dx, MatrixF dy, ConstMatrixF y, ConstMatrixF x);
  // Among several ranks: makes dW and db the sums over all. `none`: this rank had no example to go backward with.
  void sumGradients(Communicator& comm, bool none);
  void addTo(Digest& digest) const;
  // Squared norm of dW and db.
  double squaredGradientNorm();
  // Changes W and b by the kept gradients times scale.
  void update(float scale, double learningRate);

  size_t inputs() const { return inputs_; }
  size_t size() const { return size_; }
  MatrixF weight() const { return {weight_.data(), size_, inputs_}; }
  MatrixF bias() const { return {bias_.data(), 1, size_}; }
  const Optimizer& weightOptimizer() const { return *weightOptimizer_; }
  const Optimizer& biasOptimizer() const { return *biasOptimizer_; }
  size_t bytes() const;

 private:
  size_t inputs_, size_;
  const Activation& activation_;
  Buffer<float> weight_, bias_, dWeight_, dBias_;
  Buffer<double> rowNorms_;
  std::unique_ptr<Optimizer> weightOptimizer_, biasOptimizer_;
};

}  // namespace widehead
