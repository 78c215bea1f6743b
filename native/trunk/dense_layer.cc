#include "trunk/dense_layer.h"

#include <cmath>
#include <functional>

#include "base/pool.h"
#include "base/rng.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"

namespace widehead {
namespace {

// Rows a thread's part has at least: some 16000 floats of work.
size_t rowGrain(size_t cols) { return 1 + 16384 / cols; }

}  // namespace

DenseLayer::DenseLayer(size_t inputs, size_t size, const Activation& activation, const OptimizerSettings& optimizer,
                       uint64_t seed)
    : inputs_(inputs), size_(size), activation_(activation), weight_(size * inputs), bias_(size),
      dWeight_(size * inputs), dBias_(size), rowNorms_(size) {
  OptimizerSettings dense = optimizer;
  dense.rowwise = false;
  weightOptimizer_ = makeOptimizer(dense, size, inputs);
  biasOptimizer_ = makeOptimizer(dense, 1, size);
  bias_.zeros(size);
  // A uniform number between -bound and bound has the variance bound^2 / 3.
  const double fan = static_cast<double>(activation.initFromInputsOnly ? inputs : inputs + size);
  const double bound = std::sqrt(3 * 2 / fan);
  parallelFor(size * inputs, 16384, [this, bound, seed](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) weight_[i] = static_cast<float>(bound * (2 * randomUniform(seed, i) - 1));
  });
}

void DenseLayer::forward(MatrixF y, ConstMatrixF x) const {
  gemm(y, x, weight().transposed());
  auto body = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      kernels().axpy(y.row(i), 1, bias_.data(), size_);
      activation_.forward(y.row(i), size_);
    }
  };
  parallelFor(y.rows, rowGrain(size_), std::ref(body));
}

void DenseLayer::backward(MatrixF dx, MatrixF dy, ConstMatrixF y, ConstMatrixF x) {
  const MatrixF dz = dy;
  dBias_.zeros(size_);
  // Threads share out the columns, so that a column's sum has one order.
  auto body = [&](size_t begin, size_t end) {
    for (size_t i = 0; i < dy.rows; ++i) {
      activation_.backward(dy.row(i) + begin, y.row(i) + begin, end - begin);
      kernels().axpy(dBias_.data() + begin, 1, dz.row(i) + begin, end - begin);
    }
  };
  parallelFor(size_, rowGrain(dy.rows), std::ref(body));
  gemm({dWeight_.data(), size_, inputs_}, dz.transposed(), x);
  gemm(dx, dz, weight());
}

void DenseLayer::sumGradients(Communicator& comm, bool none) {
  if (none) {
    dWeight_.zeros(size_ * inputs_);
    dBias_.zeros(size_);
  }
  comm.allReduceSum(dWeight_.data(), size_ * inputs_);
  comm.allReduceSum(dBias_.data(), size_);
}

void DenseLayer::addTo(Digest& digest) const {
  digest.add(weight_.data(), size_ * inputs_ * sizeof(float));
  digest.add(bias_.data(), size_ * sizeof(float));
}

double DenseLayer::squaredGradientNorm() {
  auto body = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const float* row = dWeight_.data() + i * inputs_;
      rowNorms_[i] = kernels().dotDouble(row, row, inputs_);
    }
  };
  parallelFor(size_, rowGrain(inputs_), std::ref(body));
  double sum = kernels().dotDouble(dBias_.data(), dBias_.data(), size_);
  for (size_t i = 0; i < size_; ++i) sum += rowNorms_[i];
  return sum;
}

void DenseLayer::update(float scale, double learningRate) {
  auto body = [&](size_t begin, size_t end) {
    const size_t from = begin * inputs_;
    weightOptimizer_->update(weight_.data() + from, dWeight_.data() + from, begin, end - begin, scale, learningRate);
  };
  parallelFor(size_, rowGrain(inputs_), std::ref(body));
  biasOptimizer_->update(bias_.data(), dBias_.data(), 0, 1, scale, learningRate);
}

size_t DenseLayer::bytes() const {
  return weight_.bytes() + bias_.bytes() + dWeight_.bytes() + dBias_.bytes() + rowNorms_.bytes() +
         weightOptimizer_->bytes() + biasOptimizer_->bytes();
}

}  // namespace widehead
