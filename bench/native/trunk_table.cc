// The dense layers below a head: forward, backward and update beside the bare products on OpenBLAS.
#include <string>

#include "json_line.h"
#include "kernels/kernels.h"
#include "openblas.h"
#include "settings.h"
#include "trunk/dense_layer.h"

namespace bench {

using namespace widehead;

namespace {

struct Sides {
  Side ours, openblas;
  double products;  // of m x d by d x d
};

void report(const char* part, const std::string& activation, size_t d, size_t m, const Sides& sides,
            const Settings& settings) {
  std::vector<Side> list;
  if (settings.ours) list.push_back(sides.ours);
  const bool theirs = settings.openBlas && sides.openblas.call;
  if (theirs) list.push_back(sides.openblas);
  if (list.empty()) return;
  const auto times = sample(list, settings.rigour);
  JsonLine line;
  line.add("table", "trunk").add("isa", kernels().name).add("threads", static_cast<double>(settings.threads));
  line.add("part", part).add("activation", activation).add("d", static_cast<double>(d)).add("m", static_cast<double>(m));
  line.add("flops", sides.products * 2 * static_cast<double>(m) * static_cast<double>(d) * static_cast<double>(d));
  if (settings.ours) line.add("ours", times[0]);
  else line.addNull("ours");
  if (theirs) line.add("openblas", times.back());
  else line.addNull("openblas");
}

void benchLayer(const std::string& activation, size_t d, size_t m, const Settings& settings) {
  DenseLayer layer(d, d, findActivation(activation), OptimizerSettings{}, 1);
  const auto x = randomFloats(m * d, 1), dy = randomFloats(m * d, 2), w = randomFloats(d * d, 3);
  Buffer<float> y(m * d), dx(m * d), dw(d * d);
  // At y = 0 the derivative of tanh is 1: dy, which backward() changes, keeps its size however often it goes through.
  Buffer<float> zeros;
  zeros.zeros(m * d);
  const auto matrix = [m, d](const Buffer<float>& buffer) { return MatrixF(buffer.data(), m, d); };
  const auto forward = [&] { layer.forward(matrix(y), matrix(x)); };
  const auto backward = [&] { layer.backward(matrix(dx), matrix(dy), matrix(zeros), matrix(x)); };
  const auto update = [&] { layer.update(1, 1e-6); };
  std::function<void()> blasForward, blasBackward, blasAll;
  if (const OpenBlas* blas = openBlas()) {
    const int rows = static_cast<int>(m), size = static_cast<int>(d);
    blasForward = [&, blas, rows, size] {
      blas->sgemm(OpenBlas::RowMajor, OpenBlas::NoTrans, OpenBlas::Trans, rows, size, size, 1, x.data(), size, w.data(),
                  size, 0, y.data(), size);
    };
    blasBackward = [&, blas, rows, size] {
      blas->sgemm(OpenBlas::RowMajor, OpenBlas::Trans, OpenBlas::NoTrans, size, size, rows, 1, dy.data(), size,
                  x.data(), size, 0, dw.data(), size);
      blas->sgemm(OpenBlas::RowMajor, OpenBlas::NoTrans, OpenBlas::NoTrans, rows, size, size, 1, dy.data(), size,
                  w.data(), size, 0, dx.data(), size);
    };
    blasAll = [blasForward, blasBackward] {
      blasForward();
      blasBackward();
    };
  }
  report("forward", activation, d, m, {{forward}, {blasForward, OpenBlas::kSettle}, 1}, settings);
  report("backward", activation, d, m, {{backward}, {blasBackward, OpenBlas::kSettle}, 2}, settings);
  report("update", activation, d, m, {{update}, {}, 0}, settings);
  const auto all = [&] {
    forward();
    backward();
    update();
  };
  report("layer", activation, d, m, {{all}, {blasAll, OpenBlas::kSettle}, 3}, settings);
}

}  // namespace

void benchTrunk(const Settings& settings) {
  for (const char* activation : {"relu", "tanh"}) benchLayer(activation, settings.d[0], settings.m[0], settings);
}

}  // namespace bench
