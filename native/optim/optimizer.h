// Optimisers that update any rows of a parameter matrix, so that sparse and dense parameters share them.
//
// sgd       w -= rate g
// adagrad   s += g^2,                 w -= rate g / (sqrt(s) + epsilon)       one s a parameter
//           s += mean_j g_j^2,        the same with one s a row               if rowwise (for embeddings)
// adam      a += (1 - beta1)(g - a),  b += (1 - beta2)(g^2 - b),
//           w -= rate (a / (1 - beta1^t)) / (sqrt(b / (1 - beta2^t)) + epsilon)
//
// adam counts t for each row: a row that is not in a minibatch is as if that minibatch had not been ("lazy" Adam), and
// the first step of a rare row is corrected as a first step. With one t for all rows it would be sqrt(10) times as long
// after a while, for the usual betas. Rows that are in every minibatch get plain Adam.
//
// Duchi, Hazan and Singer 2011 (adagrad); Kingma and Ba, arXiv 1412.6980 (adam); the row-wise form is that of
// recommender systems, e.g. Mudigere et al., arXiv 2104.05158, section 4.1.4.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/archive.h"
#include "optim/state.h"

namespace widehead {

// Of the gradient of all that one step changes, so that squares and their sums are finite in float32. A longer one is refused.
constexpr double kLargestGradNorm = 1e15;
// Throws WIDEHEAD_LOSS unless `norm`, that of the gradient of `whose`, is at most that.
void checkGradNorm(double norm, const std::string& whose);

struct OptimizerSettings {
  std::string kind = "adagrad";  // one of optimizerNames()
  bool rowwise = true;           // of adagrad, and of embeddings only
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-10;  // at least 1e-20: below that, squares that underflow would make long steps
};

// The optimiser of one matrix, with the state of its rows.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  // Updates `rows` rows of the matrix from row `first` on, which w points to, by scale * g: g are as many rows. Threads
  // may update different rows at the same time.
  virtual void update(float* w, const float* g, size_t first, size_t rows, float scale, double learningRate) = 0;
  // Asks for the row's state, which will be updated soon.
  virtual void prefetch(size_t) const {}
  // All that it remembers, in an order of its own.
  virtual std::vector<StateArray> state() const = 0;
  size_t bytes() const;
};

// NAME.means, NAME.steps and so on, of a matrix of `rows` rows.
void archiveState(Archive& archive, const Optimizer& optimizer, const std::string& name, size_t rows);

std::vector<std::string> optimizerNames();
// settings.rowwise is heeded as it is: dense layers pass false.
std::unique_ptr<Optimizer> makeOptimizer(const OptimizerSettings& settings, size_t rows, size_t cols);

}  // namespace widehead
