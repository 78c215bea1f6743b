// The dense output layer on OpenBLAS: what the exact head is an alternative to. In blocks of classes, so that the outputs
// stay in the caches; the factor of squared error's gradient is part of the product, and the loss itself is left out.
#include <algorithm>

#include "json_line.h"
#include "kernels/kernels.h"
#include "openblas.h"
#include "settings.h"

namespace bench {

using namespace widehead;

namespace {

constexpr size_t kBlock = 16384;

struct DenseLayer {
  const OpenBlas& blas;
  size_t classes, d, m;
  Buffer<float> w, hidden, outputs, dHidden;
  std::vector<size_t> targets;

  DenseLayer(const OpenBlas& openBlas, size_t numClasses, size_t hiddenSize, size_t examples)
      : blas(openBlas), classes(numClasses), d(hiddenSize), m(examples), w(randomFloats(numClasses * hiddenSize, 1)),
        hidden(randomFloats(examples * hiddenSize, 2)), outputs(examples * kBlock), dHidden(examples * hiddenSize) {
    for (size_t j = 0; j < m; j++) targets.push_back(j * 7919 % classes);
  }

  // G = 2/m (H W^T - Y);  dH = G W;  W -= rate G^T H
  void step(float rate) {
    const float scale = 2 / static_cast<float>(m);
    const int rows = static_cast<int>(m), depth = static_cast<int>(d);
    for (size_t begin = 0; begin < classes; begin += kBlock) {
      const size_t size = std::min(kBlock, classes - begin);
      const int count = static_cast<int>(size);
      float *block = &w[begin * d], *g = outputs.data();
      blas.sgemm(OpenBlas::RowMajor, OpenBlas::NoTrans, OpenBlas::Trans, rows, count, depth, scale, hidden.data(),
                 depth, block, depth, 0, g, count);
      for (size_t j = 0; j < m; j++) {
        if (targets[j] >= begin && targets[j] < begin + size) g[j * size + targets[j] - begin] -= scale;
      }
      blas.sgemm(OpenBlas::RowMajor, OpenBlas::NoTrans, OpenBlas::NoTrans, rows, depth, count, 1, g, count, block,
                 depth, begin == 0 ? 0.0f : 1.0f, dHidden.data(), depth);
      blas.sgemm(OpenBlas::RowMajor, OpenBlas::Trans, OpenBlas::NoTrans, count, depth, rows, -rate, g, count,
                 hidden.data(), depth, 1, block, depth);
    }
  }
};

}  // namespace

void benchDense(const Settings& settings) {
  const OpenBlas* blas = openBlas();
  const size_t d = settings.d[0], m = settings.m[0];
  JsonLine line;
  line.add("table", "dense")
      .add("threads", static_cast<double>(settings.threads))
      .add("numClasses", static_cast<double>(settings.classes));
  line.add("d", static_cast<double>(d)).add("m", static_cast<double>(m));
  if (blas == nullptr) {
    line.addNull("openblas");
    return;
  }
  DenseLayer layer(*blas, settings.classes, d, m);
  const auto times = sample({{[&] { layer.step(1e-4f); }}}, {settings.rigour.samples, 1e-9});
  line.add("openblas", times[0]);
  line.add("flops", 6.0 * static_cast<double>(settings.classes) * static_cast<double>(d) * static_cast<double>(m));
}

}  // namespace bench
