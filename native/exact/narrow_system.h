// K = I - G diag(weight), G = H H^T (k x k, rows of H are examples), and its inverse: what stands for A = I - H diag(weight) H^T where
// there are fewer examples than features.
#pragma once

#include <cstddef>
#include <vector>

#include "base/buffer.h"
#include "base/matrix.h"
#include "linalg/lu.h"

namespace widehead {

class NarrowSystem {
 public:
  // `size` examples, never more than `most`. Fill gram() and weight() then.
  void begin(size_t size, size_t most);
  void invert();

  std::vector<double>& weight() { return weight_; }
  MatrixF gram() const { return {gram_.data(), size(), size(), stride_}; }
  // K^-1 in float32.
  ConstMatrixF inverse();

  // The eigenvalue of A nearest 0; with x = sum_i direction_i h_i its eigenvector, about.
  double nearestToZero(std::vector<double>& direction);
  // One more example, whose products with all examples and with itself are `products` (one more than there are). `nearest`: what
  // nearestToZero() said.
  void add(const std::vector<double>& products, double weight, double nearest);

  size_t bytes() const { return gram_.bytes() + inverseF_.bytes() + system_.bytes() + inverse_.bytes() + lu_.bytes(); }

 private:
  size_t size() const { return weight_.size(); }
  void border();
  // Products of examples: float32 among those of the minibatch, float64 with those added, whose parts nearly cancel.
  double product(size_t i, size_t j) const {
    const size_t later = i > j ? i : j, base = size() - added_.size();
    return later < base ? gram_[i * static_cast<size_t>(stride_) + j] : added_[later - base][i > j ? j : i];
  }
  void toFloat(double scale);

  ptrdiff_t stride_ = 0;
  std::vector<double> weight_;
  std::vector<std::vector<double>> added_;
  Buffer<float> gram_, inverseF_;
  Buffer<double> system_, inverse_;
  Lu lu_;
};

}  // namespace widehead
