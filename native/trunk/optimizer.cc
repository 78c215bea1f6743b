#include "trunk/optimizer.h"

#include <cmath>
#include <cstdint>

#include "base/error.h"
#include "base/pages.h"
#include "kernels/kernels.h"

namespace widehead {
namespace {

// State is in pages that cost nothing until their rows are trained.

class Sgd : public Optimizer {
 public:
  Sgd(const OptimizerSettings&, size_t, size_t cols) : cols_(cols) {}
  void update(float* w, const float* g, size_t, double learningRate) override {
    kernels().axpy(w, static_cast<float>(-learningRate), g, cols_);
  }
  size_t bytes() const override { return 0; }

 private:
  size_t cols_;
};

class Adagrad : public Optimizer {
 public:
  Adagrad(const OptimizerSettings& settings, size_t rows, size_t cols)
      : cols_(cols), epsilon_(static_cast<float>(settings.epsilon)), sums_(rows * cols) {}
  void update(float* w, const float* g, size_t row, double learningRate) override {
    float* sums = sums_.data() + row * cols_;
    const float rate = static_cast<float>(learningRate), epsilon = epsilon_;
    const size_t cols = cols_;
    for (size_t j = 0; j < cols; ++j) {
      const float sum = sums[j] + g[j] * g[j];
      sums[j] = sum;
      w[j] -= rate * g[j] / (std::sqrt(sum) + epsilon);
    }
  }
  size_t bytes() const override { return sums_.bytes(); }

 private:
  size_t cols_;
  float epsilon_;
  Pages<float> sums_;
};

class RowwiseAdagrad : public Optimizer {
 public:
  RowwiseAdagrad(const OptimizerSettings& settings, size_t rows, size_t cols)
      : cols_(cols), epsilon_(settings.epsilon), sums_(rows) {}
  void update(float* w, const float* g, size_t row, double learningRate) override {
    sums_[row] += kernels().dot(g, g, cols_) / static_cast<float>(cols_);
    kernels().axpy(w, static_cast<float>(-learningRate / (std::sqrt(double{sums_[row]}) + epsilon_)), g, cols_);
  }
  size_t bytes() const override { return sums_.bytes(); }

 private:
  size_t cols_;
  double epsilon_;
  Pages<float> sums_;
};

class Adam : public Optimizer {
 public:
  Adam(const OptimizerSettings& settings, size_t rows, size_t cols)
      : cols_(cols), settings_(settings), means_(rows * cols), squares_(rows * cols), steps_(rows) {}
  void update(float* w, const float* g, size_t row, double learningRate) override {
    const double step = ++steps_[row];
    const float rate = static_cast<float>(learningRate / (1 - std::pow(settings_.beta1, step)));
    const float correction = static_cast<float>(1 / (1 - std::pow(settings_.beta2, step)));
    const float toMean = static_cast<float>(1 - settings_.beta1), toSquare = static_cast<float>(1 - settings_.beta2);
    const float epsilon = static_cast<float>(settings_.epsilon);
    float* means = means_.data() + row * cols_;
    float* squares = squares_.data() + row * cols_;
    const size_t cols = cols_;
    for (size_t j = 0; j < cols; ++j) {
      const float mean = means[j] + toMean * (g[j] - means[j]);
      const float square = squares[j] + toSquare * (g[j] * g[j] - squares[j]);
      means[j] = mean;
      squares[j] = square;
      w[j] -= rate * mean / (std::sqrt(square * correction) + epsilon);
    }
  }
  size_t bytes() const override { return means_.bytes() + squares_.bytes() + steps_.bytes(); }

 private:
  size_t cols_;
  OptimizerSettings settings_;
  Pages<float> means_, squares_;
  Pages<uint32_t> steps_;
};

template <class Kind>
std::unique_ptr<Optimizer> make(const OptimizerSettings& settings, size_t rows, size_t cols) {
  return std::make_unique<Kind>(settings, rows, cols);
}

std::unique_ptr<Optimizer> makeAdagrad(const OptimizerSettings& settings, size_t rows, size_t cols) {
  return settings.rowwise ? make<RowwiseAdagrad>(settings, rows, cols) : make<Adagrad>(settings, rows, cols);
}

struct Entry {
  const char* name;
  std::unique_ptr<Optimizer> (*make)(const OptimizerSettings&, size_t rows, size_t cols);
};

constexpr Entry kOptimizers[] = {{"sgd", make<Sgd>}, {"adagrad", makeAdagrad}, {"adam", make<Adam>}};

}  // namespace

std::vector<std::string> optimizerNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kOptimizers) names.push_back(entry.name);
  return names;
}

std::unique_ptr<Optimizer> makeOptimizer(const OptimizerSettings& settings, size_t rows, size_t cols) {
  for (const Entry& entry : kOptimizers) {
    if (settings.kind == entry.name) return entry.make(settings, rows, cols);
  }
  throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE", "optimizer.kind is unknown: " + settings.kind);
}

}  // namespace widehead
