#include "linalg/gemm.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/buffer.h"
#include "base/per_thread.h"
#include "base/pool.h"
#include "kernels/kernels.h"
#include "linalg/tiles.h"

namespace widehead {
namespace {

constexpr size_t kThinChunk = 64;
// Below these a second thread costs more than it brings (about 5 us of work each).
constexpr double kFlopsPerPart = 750000;
constexpr size_t kThinPerPart = 32768;

// How many threads a product is worth.
size_t partsFor(double flops) {
  return static_cast<size_t>(std::clamp(flops / kFlopsPerPart, 1.0, static_cast<double>(teamThreads())));
}

// A few rows of A with the contiguous columns of B, chunk by chunk.
struct Thin {
  const Kernels& kernel;
  const Output& out;
  ConstMatrixF a, b;  // a row-major

  void chunk(size_t j0, size_t cols) const {
    alignas(64) float t[kThin * kThinChunk];
    kernel.dots(t, kThinChunk, a.data, a.rowStride, a.rows, &b(0, j0), b.colStride, cols, a.cols);
    const bool whole = out.compensated() && out.c.colStride == 1 && out.lo.colStride == 1;
    for (size_t i = 0; i < a.rows; ++i) {
      const float* row = t + i * kThinChunk;
      if (whole) kernel.compensatedAxpy(&out.c(i, j0), &out.lo(i, j0), out.alpha, row, cols);
      for (size_t j = 0; !whole && j < cols; ++j) {
        float& element = out.c(i, j0 + j);
        if (out.compensated()) kernel.compensatedAxpy(&element, &out.lo(i, j0 + j), out.alpha, row + j, 1);
        else element = out.add ? element + out.alpha * row[j] : out.alpha * row[j];
      }
    }
  }

  void run() const {
    const size_t chunks = ceilDiv(b.cols, kThinChunk);
    const size_t grain = ceilDiv(kThinPerPart, std::min(b.cols, kThinChunk) * a.cols * a.rows);
    parallelFor(chunks, grain, [this](size_t begin, size_t end) {
      for (size_t index = begin; index < end; ++index) {
        const size_t j0 = index * kThinChunk;
        chunk(j0, std::min(kThinChunk, b.cols - j0));
      }
    });
  }
};

// B's columns lie in one piece each, and A's rows do or are few enough to copy.
bool isThin(ConstMatrixF a, ConstMatrixF b) {
  return a.rows <= kThin && b.rowStride == 1 && b.colStride != 1 && b.cols > a.rows;
}

void thin(const Kernels& kernel, const Output& out, ConstMatrixF a, ConstMatrixF b) {
  if (a.colStride != 1) {
    auto& buffer = perThread<Buffer<float>>([] {});
    const MatrixF copy(buffer.reserve(a.rows * a.cols), a.rows, a.cols);
    for (size_t p = 0; p < a.cols; ++p)
      for (size_t i = 0; i < a.rows; ++i) copy(i, p) = a(i, p);
    a = copy;
  }
  Thin{kernel, out, a, b}.run();
}

// C cut into rows x cols rectangles, one a thread. Each thread packs what it needs: a packed panel from another core's
// cache costs more than packing it again.
struct Grid {
  size_t rows = 1, cols = 1;
};

// The grid whose largest part takes least, in multiplications for each step of depth.
Grid chooseGrid(size_t m, size_t n, size_t lanes, size_t packing, size_t parts) {
  Grid best;
  size_t bestCost = SIZE_MAX;
  for (size_t rows = 1; rows <= std::min(parts, m); ++rows) {
    const size_t cols = std::min(parts / rows, ceilDiv(n, lanes));
    const size_t height = ceilDiv(m, rows), width = ceilDiv(ceilDiv(n, lanes), cols) * lanes;
    const size_t cost = (height + packing) * width;
    if (cost < bestCost) {
      bestCost = cost;
      best = {rows, cols};
    }
  }
  return best;
}

void tiled(const Kernels& kernel, const Output& out, const Factors& factors) {
  const size_t m = factors.a.rows, n = factors.b.rows;
  const size_t parts = partsFor(2.0 * static_cast<double>(m * n) * static_cast<double>(factors.a.cols));
  if (parts == 1) return multiply(kernel, out, &factors, 1);
  const size_t packing = !packsB(kernel, factors.b, m) ? 0 : factors.b.rowStride == 1 ? 3 : 6;
  struct {
    const Kernels& kernel;
    const Output& out;
    const Factors& factors;
    size_t m, n;
    Grid grid;
  } job = {kernel, out, factors, m, n, chooseGrid(m, n, kernel.lanes, packing, parts)};
  parallelFor(job.grid.rows * job.grid.cols, 1, [&job](size_t begin, size_t end) {
    for (size_t index = begin; index < end; ++index) {
      const size_t row = index / job.grid.cols, col = index % job.grid.cols;
      const size_t lanes = job.kernel.lanes, vectors = ceilDiv(job.n, lanes);
      const size_t i0 = job.m * row / job.grid.rows, i1 = job.m * (row + 1) / job.grid.rows;
      const size_t j0 = vectors * col / job.grid.cols * lanes;
      const size_t j1 = std::min(vectors * (col + 1) / job.grid.cols * lanes, job.n);
      const Factors part = job.factors.part(i0, i1, j0, j1);
      multiply(job.kernel, job.out.part(i0, j0), &part, 1);
    }
  });
}

void zeros(MatrixF c) {
  for (size_t i = 0; i < c.rows; ++i)
    for (size_t j = 0; j < c.cols; ++j) c(i, j) = 0.0f;
}

void product(Output out, ConstMatrixF a, ConstMatrixF b) {
  if (out.c.rows == 0 || out.c.cols == 0) return;
  if (a.cols == 0) {
    if (!out.add) zeros(out.c);
    return;
  }
  // C^T = B^T A^T where that makes the rows of C contiguous, or few rows of what were many.
  const bool columnMajor = out.c.colStride != 1 && out.c.rowStride == 1;
  if (!isThin(a, b) && (columnMajor || isThin(b.transposed(), a.transposed()))) {
    out = out.transposed();
    std::swap(a, b);
    a = a.transposed();
    b = b.transposed();
  }
  const Kernels& kernel = kernels();
  if (isThin(a, b)) thin(kernel, out, a, b);
  else tiled(kernel, out, {a, b.transposed()});
}

// Rows [begin, end) of the lower triangle, from column `from` on, to the columns of the upper one: in strips of `strip` rows, the
// triangle at the end of each in finer strips.
void mirrorLower(const Kernels& kernel, MatrixF c, size_t begin, size_t end, size_t from = 0, size_t strip = 64) {
  if (strip == 1) {
    for (size_t i = begin + 1; i < end; ++i)
      for (size_t j = from; j < i; ++j) c(j, i) = c(i, j);
    return;
  }
  for (size_t i = begin; i < end; i += strip) {
    const size_t rows = std::min(strip, end - i);
    if (i > from) kernel.transpose(&c(from, i), c.rowStride, &c(i, from), c.rowStride, rows, i - from);
    mirrorLower(kernel, c, i, i + rows, i, strip / 8);
  }
}

// A sum of products known to be symmetric: its lower triangle, then the mirror image. Each part owns some rows of the
// lower triangle and the same columns of the upper one.
void symmetric(const Output& out, const Factors* factors, size_t count) {
  const size_t n = out.c.rows;
  const double area = static_cast<double>(n) * static_cast<double>(n);
  struct {
    const Kernels& kernel;
    const Output& out;
    const Factors* factors;
    size_t count, n, parts;
    // Equal areas of a triangle.
    size_t rowOf(size_t part) const {
      return static_cast<size_t>(
          std::lround(static_cast<double>(n) * std::sqrt(static_cast<double>(part) / static_cast<double>(parts))));
    }
  } job = {kernels(), out, factors, count, n, partsFor(area * static_cast<double>(factors[0].a.cols * count))};
  parallelFor(job.parts, 1, [&job](size_t first, size_t last) {
    for (size_t index = first; index < last; ++index) {
      const size_t begin = job.rowOf(index), end = job.rowOf(index + 1);
      if (begin == end) continue;
      Factors part[kMaxFactors];
      for (size_t i = 0; i < job.count; ++i) part[i] = job.factors[i].part(begin, end, 0, end);
      multiply(job.kernel, job.out.part(begin, 0), part, job.count, {true, static_cast<ptrdiff_t>(begin)});
      mirrorLower(job.kernel, job.out.c, begin, end);
      if (job.out.compensated()) mirrorLower(job.kernel, job.out.lo, begin, end);
    }
  });
}

}  // namespace

void gemm(MatrixF c, ConstMatrixF a, ConstMatrixF b, float alpha, Into into) {
  product({c, {}, alpha, into == Into::Add}, a, b);
}

void gemmCompensated(MatrixF hi, MatrixF lo, ConstMatrixF a, ConstMatrixF b, float alpha) {
  product({hi, lo, alpha, true}, a, b);
}

void syr2kCompensated(MatrixF hi, MatrixF lo, ConstMatrixF a, ConstMatrixF b, float alpha) {
  if (hi.rows == 0 || a.rows == 0) return;
  const ConstMatrixF at = a.transposed(), bt = b.transposed();
  const Factors factors[] = {{at, bt}, {bt, at}};
  symmetric({hi, lo, alpha, true}, factors, 2);
}

void syrk(MatrixF c, ConstMatrixF a) {
  if (c.rows == 0) return;
  if (a.cols == 0) return zeros(c);
  const Factors factors{a, a};
  symmetric({c, {}, 1.0f, false}, &factors, 1);
}

}  // namespace widehead
