#include "optim/optimizer.h"

#include <cmath>
#include <cstdint>

#include "base/error.h"
#include "base/pages.h"
#include "base/prefetch.h"
#include "kernels/kernels.h"

namespace widehead {
namespace {

// State is in pages that cost nothing until their rows are trained.

class Sgd : public Optimizer {
 public:
  Sgd(const OptimizerSettings&, size_t, size_t cols) : cols_(cols) {}
  void update(float* w, const float* g, size_t, size_t rows, float scale, double learningRate) override {
    kernels().axpy(w, static_cast<float>(-learningRate * scale), g, rows * cols_);
  }
  std::vector<StateArray> state() const override { return {}; }

 private:
  size_t cols_;
};

class Adagrad : public Optimizer {
 public:
  Adagrad(const OptimizerSettings& settings, size_t rows, size_t cols)
      : cols_(cols), epsilon_(static_cast<float>(settings.epsilon)), sums_(rows * cols) {}
  void update(float* w, const float* g, size_t first, size_t rows, float scale, double learningRate) override {
    float* sums = sums_.data() + first * cols_;
    kernels().adagrad(w, sums, g, scale, static_cast<float>(learningRate), epsilon_, rows * cols_);
  }
  void prefetch(size_t row) const override { prefetchFloats(sums_.data() + row * cols_, cols_); }
  std::vector<StateArray> state() const override {
    return {{"sums", StateArray::Kind::NonNegative, false, sums_.size(), sums_.data()}};
  }

 private:
  size_t cols_;
  float epsilon_;
  Pages<float> sums_;
};

class RowwiseAdagrad : public Optimizer {
 public:
  RowwiseAdagrad(const OptimizerSettings& settings, size_t rows, size_t cols)
      : cols_(cols), epsilon_(settings.epsilon), sums_(rows) {}
  void update(float* w, const float* g, size_t first, size_t rows, float scale, double learningRate) override {
    for (size_t row = first; row < first + rows; ++row, w += cols_, g += cols_) {
      sums_[row] += scale * scale * kernels().dot(g, g, cols_) / static_cast<float>(cols_);
      const double rate = learningRate / (std::sqrt(double{sums_[row]}) + epsilon_);
      kernels().axpy(w, static_cast<float>(-rate * scale), g, cols_);
    }
  }
  void prefetch(size_t row) const override { prefetchFloats(sums_.data() + row, 1); }
  std::vector<StateArray> state() const override {
    return {{"sums", StateArray::Kind::NonNegative, true, sums_.size(), sums_.data()}};
  }

 private:
  size_t cols_;
  double epsilon_;
  Pages<float> sums_;
};

class Adam : public Optimizer {
 public:
  Adam(const OptimizerSettings& settings, size_t rows, size_t cols)
      : cols_(cols), settings_(settings), means_(rows * cols), squares_(rows * cols), steps_(rows) {}
  // Rows that have made as many steps are one call: those of a dense layer.
  void update(float* w, const float* g, size_t first, size_t rows, float scale, double learningRate) override {
    const size_t last = first + rows;
    for (size_t row = first, end; row < last; row = end) {
      for (end = row + 1; end < last && steps_[end] == steps_[row];) ++end;
      const size_t from = row * cols_, before = (row - first) * cols_;
      kernels().adam(w + before, means_.data() + from, squares_.data() + from, g + before,
                     stepOf(steps_[row] + 1.0, scale, learningRate), (end - row) * cols_);
      for (size_t i = row; i < end; ++i) steps_[i] += steps_[i] < UINT32_MAX;
    }
  }
  void prefetch(size_t row) const override {
    prefetchFloats(means_.data() + row * cols_, cols_);
    prefetchFloats(squares_.data() + row * cols_, cols_);
  }
  std::vector<StateArray> state() const override {
    return {{"means", StateArray::Kind::Signed, false, means_.size(), means_.data()},
            {"squares", StateArray::Kind::NonNegative, false, squares_.size(), squares_.data()},
            {"steps", StateArray::Kind::Count, true, steps_.size(), steps_.data()}};
  }

 private:
  AdamStep stepOf(double t, float scale, double learningRate) const {
    const double beta1 = settings_.beta1, beta2 = settings_.beta2;
    return {scale,
            static_cast<float>(1 - beta1),
            static_cast<float>(1 - beta2),
            static_cast<float>(learningRate / (1 - std::pow(beta1, t))),
            static_cast<float>(1 / (1 - std::pow(beta2, t))),
            static_cast<float>(settings_.epsilon)};
  }

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

void checkGradNorm(double norm, const std::string& whose) {
  if (norm <= kLargestGradNorm) return;  // no NaN is
  throw Error(
      ErrorKind::State, "WIDEHEAD_LOSS",
      "the norm of the " + whose + "'s gradient must be at most 1e15, got " + shown(norm) + "; nothing was updated");
}

size_t Optimizer::bytes() const {
  size_t sum = 0;
  for (const StateArray& array : state()) sum += array.bytes();
  return sum;
}

void archiveState(Archive& archive, const Optimizer& optimizer, const std::string& name, size_t rows) {
  for (const StateArray& array : optimizer.state()) {
    const std::string full = name + "." + array.name;
    const size_t cols = array.count / rows;
    if (array.kind == StateArray::Kind::Count) {
      archive.rows(full, static_cast<uint32_t*>(array.data), rows, cols);
    } else {
      archive.rows(full, static_cast<float*>(array.data), rows, cols);
    }
  }
}

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
