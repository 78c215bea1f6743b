// The products an exact step is made of, ours beside OpenBLAS's on the same shapes.
#include <string>

#include "exact/compensated_matrix.h"
#include "json_line.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"
#include "openblas.h"
#include "peak.h"
#include "settings.h"

namespace bench {

using namespace widehead;

namespace {

// C (rows x cols) over `depth`, as the step forms it.
enum class Form {
  NN,           // A B
  NT,           // A B^T
  TN,           // A^T B
  TNAdd,        // A^T B added to a plain sum, on both sides: what the compensated form would cost without its low words
  Compensated,  // A^T B added to a sum in two words; OpenBLAS adds to a plain one
  Syrk,         // A A^T, both triangles; OpenBLAS makes one
  Syr2k         // C -= A^T B + B^T A, both triangles in two words; OpenBLAS makes one of a plain one
};

struct Product {
  const char* name;
  Form form;
  size_t rows, cols, depth;
  const char* role;
};

std::vector<Product> productsOf(size_t d, size_t m) {
  std::vector<Product> list = {
      {"NN", Form::NN, m, d, d, "H Qc, V^T Y U"},
      {"NT", Form::NT, m, d, d, "H U^T, H U^-1"},
      {"TN", Form::TN, d, d, m, "dH_c^T H where m > d"},
      {"TN+", Form::Compensated, d, d, m, "U -= (H U^T)^T H"},
      {"TN+ plain", Form::TNAdd, d, d, m, "none: TN+ without the low words"},
      {"syr2k", Form::Syr2k, d, d, m, "Qc -= R^T H + H^T R"},
  };
  if (m <= d) {
    list.push_back({"syrk", Form::Syrk, m, m, d, "H H^T"});
    list.push_back({"NT", Form::NT, m, m, d, "R H^T"});
    list.push_back({"NN", Form::NN, m, d, m, "M H, K^-1 T"});
  } else {
    list.push_back({"NN", Form::NN, d, d, d, "C (dH_c^T H)"});
    list.push_back({"TN+", Form::Compensated, d, d, d, "U += U (A - I)"});
  }
  return list;
}

struct Operands {
  Buffer<float> a, b, c;
  CompensatedMatrix sum;
};

std::function<void()> oursFor(const Product& p, Operands& on) {
  const size_t rows = p.rows, cols = p.cols, depth = p.depth;
  const MatrixF c(on.c.data(), rows, cols);
  const ConstMatrixF a = p.form == Form::NN || p.form == Form::NT || p.form == Form::Syrk
                             ? ConstMatrixF(on.a.data(), rows, depth)
                             : ConstMatrixF(on.a.data(), depth, rows).transposed();
  const ConstMatrixF b =
      p.form == Form::NT ? ConstMatrixF(on.b.data(), cols, depth).transposed() : ConstMatrixF(on.b.data(), depth, cols);
  if (p.form == Form::TNAdd) return [=] { gemm(c, a, b, 1e-6f, Into::Add); };
  if (p.form == Form::Compensated) return [=, &on] { gemmCompensated(on.sum.hi(), on.sum.lo(), a, b, 1e-6f); };
  if (p.form == Form::Syr2k) {
    return [=, &on] { syr2kCompensated(on.sum.hi(), on.sum.lo(), a.transposed(), b, -1e-6f); };
  }
  if (p.form == Form::Syrk) return [=] { syrk(c, a); };
  return [=] { gemm(c, a, b); };
}

std::function<void()> openBlasFor(const Product& p, Operands& on, const OpenBlas& blas) {
  const int rows = static_cast<int>(p.rows), cols = static_cast<int>(p.cols), depth = static_cast<int>(p.depth);
  const float *a = on.a.data(), *b = on.b.data();
  float* c = on.c.data();
  if (p.form == Form::Syr2k) {
    return [=, &blas] {
      blas.ssyr2k(OpenBlas::RowMajor, OpenBlas::Lower, OpenBlas::Trans, rows, depth, -1e-6f, a, rows, b, rows, 1, c,
                  rows);
    };
  }
  if (p.form == Form::Syrk) {
    return [=, &blas] {
      blas.ssyrk(OpenBlas::RowMajor, OpenBlas::Lower, OpenBlas::NoTrans, rows, depth, 1, a, depth, 0, c, rows);
    };
  }
  const bool adds = p.form == Form::Compensated || p.form == Form::TNAdd;
  const bool transA = p.form == Form::TN || adds, transB = p.form == Form::NT;
  return [=, &blas] {
    blas.sgemm(OpenBlas::RowMajor, transA ? OpenBlas::Trans : OpenBlas::NoTrans,
               transB ? OpenBlas::Trans : OpenBlas::NoTrans, rows, cols, depth, adds ? 1e-6f : 1.0f, a,
               transA ? rows : depth, b, transB ? depth : cols, adds ? 1.0f : 0.0f, c, cols);
  };
}

void benchProduct(const Product& p, size_t d, size_t m, const Settings& settings) {
  Operands on = {randomFloats(p.rows * p.depth, 1), randomFloats(p.cols * p.depth, 2), Buffer<float>(p.rows * p.cols),
                 CompensatedMatrix(p.form == Form::Compensated || p.form == Form::Syr2k ? d : 1)};
  on.c.zeros(p.rows * p.cols);
  std::vector<Side> sides;
  if (settings.ours) sides.push_back({oursFor(p, on)});
  const OpenBlas* blas = settings.openBlas ? openBlas() : nullptr;
  if (blas != nullptr) sides.push_back({openBlasFor(p, on, *blas), OpenBlas::kSettle});
  // What the FMA units do at the same time: a core's speed is not the same all along.
  const FmaLoops* loops = settings.ours ? fmaLoops(kernels().name) : nullptr;
  const size_t rounds = 10000;
  if (loops != nullptr) sides.push_back({onAllThreads([=] { loops->registers(rounds); })});
  const auto times = sample(sides, settings.rigour);
  JsonLine line;
  line.add("table", "kernels").add("isa", kernels().name).add("threads", static_cast<double>(settings.threads));
  line.add("product", p.name).add("role", p.role).add("d", static_cast<double>(d)).add("m", static_cast<double>(m));
  line.add("rows", static_cast<double>(p.rows))
      .add("cols", static_cast<double>(p.cols))
      .add("depth", static_cast<double>(p.depth));
  // What a triangle needs: half of the full products.
  const double perElement = p.form == Form::Syrk ? 1 : 2;
  line.add("flops",
           perElement * static_cast<double>(p.rows) * static_cast<double>(p.cols) * static_cast<double>(p.depth));
  if (settings.ours) line.add("ours", times[0]);
  else line.addNull("ours");
  if (blas != nullptr) line.add("openblas", times[settings.ours ? 1 : 0]);
  else line.addNull("openblas");
  if (loops == nullptr) return;
  line.add("peak", times.back());
  line.add("peakFlops", loops->flopsPerRound * static_cast<double>(rounds * settings.threads));
}

}  // namespace

void benchKernels(const Settings& settings) {
  for (size_t d : settings.d) {
    for (size_t m : settings.m) {
      for (const Product& product : productsOf(d, m)) benchProduct(product, d, m, settings);
    }
  }
}

}  // namespace bench
