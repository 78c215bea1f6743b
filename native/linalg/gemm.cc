#include "linalg/gemm.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "base/buffer.h"
#include "base/pool.h"
#include "kernels/kernels.h"

// The blocking of Goto and van de Geijn (2008) as BLIS lays it out: B is cut into kc x nc blocks and packed into panels of
// nr columns, A into mc x kc blocks of panels of mr rows, and gemmTile multiplies panels that lie in the caches.

namespace widehead {
namespace {

// A panel of B (kc * nr floats, 40 KB for AVX-512) fits L1, a block of A (300 KB) L2, a block of B (5 MB) L3.
constexpr size_t kKc = 320, kMc = 240, kNc = 4096;
// Up to this many rows a padded tile wastes more than reading B through dot and axpy.
constexpr size_t kThin = 2;
constexpr size_t kThinChunk = 512;
// Below these a second thread costs more than it brings (about 5 us of work each).
constexpr double kFlopsPerPart = 750000;
constexpr size_t kThinPerPart = 32768;
constexpr size_t kMaxTile = 1024;

size_t ceilDiv(size_t a, size_t b) { return (a + b - 1) / b; }

// Where a product goes: c, or the two words of a compensated sum.
struct Output {
  MatrixF c;
  float* lo;  // nullptr for a plain product
  ptrdiff_t loRowStride, loColStride;
  float alpha;
  bool add;

  Output transposed() const { return {c.transposed(), lo, loColStride, loRowStride, alpha, add}; }
  // The rest from element (i, j) on.
  Output part(size_t i, size_t j) const {
    return {{&c(i, j), c.rows - i, c.cols - j, c.rowStride, c.colStride}, lo == nullptr ? nullptr : loAt(i, j),
            loRowStride, loColStride, alpha, add};
  }

  float* loAt(size_t i, size_t j) const {
    return lo + static_cast<ptrdiff_t>(i) * loRowStride + static_cast<ptrdiff_t>(j) * loColStride;
  }

  // A tile (row stride kernel.nr) to rows x cols of the output at (i0, j0). laterDepth: sums of earlier p are there.
  void write(const Kernels& kernel, const float* t, size_t i0, size_t j0, size_t rows, size_t cols,
             bool laterDepth) const {
    const bool adding = add || laterDepth;
    if (lo != nullptr) {
      for (size_t i = 0; i < rows; ++i) {
        if (c.colStride == 1 && loColStride == 1) {
          kernel.compensatedAxpy(&c(i0 + i, j0), loAt(i0 + i, j0), alpha, t + i * kernel.nr, cols);
        } else {
          for (size_t j = 0; j < cols; ++j)
            kernel.compensatedAxpy(&c(i0 + i, j0 + j), loAt(i0 + i, j0 + j), alpha, t + i * kernel.nr + j, 1);
        }
      }
    } else if (c.colStride == 1) {
      kernel.storeTile(&c(i0, j0), c.rowStride, t, rows, cols, alpha, adding);
    } else {
      for (size_t i = 0; i < rows; ++i)
        for (size_t j = 0; j < cols; ++j) {
          float& target = c(i0 + i, j0 + j);
          const float value = alpha * t[i * kernel.nr + j];
          target = adding ? target + value : value;
        }
    }
  }
};

float* threadScratch(size_t which, size_t count) {
  static thread_local Buffer<float> buffers[2];
  return buffers[which].reserve(count);
}

// One row of A times B, chunk by chunk of columns: axpy over rows of B or dots with its columns.
struct Thin {
  const Kernels& kernel;
  const Output& out;
  ConstMatrixF a, b;
  const float* rows;  // a, row-major

  void chunk(size_t j0, size_t cols) const {
    alignas(64) float t[kThinChunk];
    const size_t depth = a.cols;
    for (size_t i = 0; i < a.rows; ++i) {
      const float* row = rows + i * depth;
      if (b.colStride == 1) {
        std::fill(t, t + cols, 0.0f);
        for (size_t p = 0; p < depth; ++p) kernel.axpy(t, row[p], &b(p, j0), cols);
      } else {
        for (size_t j = 0; j < cols; ++j) t[j] = kernel.dot(row, &b(0, j0 + j), depth);
      }
      out.write(kernel, t, i, j0, 1, cols, false);
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

// One side of a product: its rows become lanes of packed panels, its columns their depth; `more` continues the depth.
struct Operand {
  ConstMatrixF x, more;

  size_t lanes() const { return x.rows; }
  size_t depth() const { return x.cols + more.cols; }
  Operand part(size_t begin, size_t end) const {
    return {x.rowRange(begin, end), more.cols > 0 ? more.rowRange(begin, end) : more};
  }
  // Lanes [lane, lane + width), as far as there are any, and depth [p, p + count).
  void pack(const Kernels& kernel, float* out, size_t width, size_t lane, size_t p, size_t count) const {
    const size_t used = std::min(width, lanes() - lane), fromX = p < x.cols ? std::min(count, x.cols - p) : 0;
    if (fromX > 0) kernel.pack(out, width, &x(lane, p), x.rowStride, x.colStride, used, fromX);
    if (fromX < count)
      kernel.pack(out + fromX * width, width, &more(lane, p + fromX - x.cols), more.rowStride, more.colStride, used,
                  count - fromX);
  }
};

// Which elements of a product are wanted: all, or of row i those with j <= i + offset.
struct Region {
  bool lowerOnly = false;
  ptrdiff_t offset = 0;

  size_t columns(size_t i, size_t j0, size_t cols) const {
    if (!lowerOnly) return cols;
    return static_cast<size_t>(std::clamp(static_cast<ptrdiff_t>(i) + offset + 1 - static_cast<ptrdiff_t>(j0),
                                          ptrdiff_t{0}, static_cast<ptrdiff_t>(cols)));
  }
};

// The product on one thread: blocks of B, then of A, packed into this thread's scratch, then tile by tile.
struct Blocked {
  const Kernels& kernel;
  const Output out;
  const Operand a, b;  // rows of A, columns of B
  const Region region = {};

  void run() const {
    const size_t m = a.lanes(), n = b.lanes(), k = a.depth();
    // Equal parts of k and m: a rest of a few steps would pay a full pass over C.
    const size_t kc = ceilDiv(k, ceilDiv(k, kKc));
    const size_t rowPanels = ceilDiv(m, kernel.mr), mcPanels = std::max<size_t>(kMc / kernel.mr, 1);
    const size_t mc = ceilDiv(rowPanels, ceilDiv(rowPanels, mcPanels)) * kernel.mr;
    const size_t nc = kNc / kernel.nr * kernel.nr;
    const size_t paddedN = ceilDiv(std::min(n, nc), kernel.nr) * kernel.nr;
    float* packedA = threadScratch(0, mc * kc);
    float* packedB = threadScratch(1, paddedN * kc);
    for (size_t j0 = 0; j0 < n; j0 += nc) {
      const size_t cols = std::min(nc, n - j0);
      for (size_t p0 = 0; p0 < k; p0 += kc) {
        const size_t depth = std::min(kc, k - p0);
        for (size_t j = 0; j < cols; j += kernel.nr)
          b.pack(kernel, packedB + j * depth, kernel.nr, j0 + j, p0, depth);
        for (size_t i0 = 0; i0 < m; i0 += mc) {
          const size_t rows = std::min(mc, m - i0);
          for (size_t i = 0; i < rows; i += kernel.mr)
            a.pack(kernel, packedA + i * depth, kernel.mr, i0 + i, p0, depth);
          multiply(packedA, packedB, i0, j0, rows, cols, depth, p0 > 0);
        }
      }
    }
  }

  // Column panel by column panel: the panel of B stays in L1 while A's pass by.
  void multiply(const float* packedA, const float* packedB, size_t i0, size_t j0, size_t rows, size_t cols,
                size_t depth, bool laterDepth) const {
    alignas(64) float t[kMaxTile];
    for (size_t j = 0; j < cols; j += kernel.nr) {
      const auto tile = cols - j <= kernel.narrow ? kernel.gemmTileNarrow : kernel.gemmTile;
      for (size_t i = 0; i < rows; i += kernel.mr) {
        const size_t height = std::min(kernel.mr, rows - i), width = std::min(kernel.nr, cols - j);
        if (region.columns(i0 + i + height - 1, j0 + j, width) == 0) continue;
        tile(t, packedA + i * depth, packedB + j * depth, depth);
        if (region.columns(i0 + i, j0 + j, width) == width) {
          out.write(kernel, t, i0 + i, j0 + j, height, width, laterDepth);
        } else {
          for (size_t r = 0; r < height; ++r)
            out.write(kernel, t + r * kernel.nr, i0 + i + r, j0 + j, 1, region.columns(i0 + i + r, j0 + j, width),
                      laterDepth);
        }
      }
    }
  }
};

// C cut into rows x cols rectangles of whole tiles, one a thread. Each thread packs what it reads: a packed panel
// from another core's cache costs more than packing it again (300x300x128 on two threads: 105 us shared, 85 us so).
struct Grid {
  size_t rows = 1, cols = 1;
};

Grid chooseGrid(size_t rowPanels, size_t colPanels, size_t mr, size_t nr, size_t parts) {
  // Time of the largest part for each step of depth, in elements: a tile at 64 flops a cycle, packing at about three
  // elements a cycle.
  Grid best;
  size_t bestCost = SIZE_MAX;
  for (size_t rows = 1; rows <= std::min(parts, rowPanels); ++rows) {
    const size_t cols = std::min(parts / rows, colPanels);
    const size_t height = ceilDiv(rowPanels, rows) * mr, width = ceilDiv(colPanels, cols) * nr;
    const size_t cost = height * width + 10 * (height + width);
    if (cost < bestCost) {
      bestCost = cost;
      best = {rows, cols};
    }
  }
  return best;
}

void blocked(const Kernels& kernel, const Output& out, ConstMatrixF a, ConstMatrixF b) {
  const size_t rowPanels = ceilDiv(a.rows, kernel.mr), colPanels = ceilDiv(b.cols, kernel.nr);
  const double flops = 2.0 * static_cast<double>(a.rows) * static_cast<double>(b.cols) * static_cast<double>(a.cols);
  const double worth = std::min(flops / kFlopsPerPart, static_cast<double>(teamThreads()));
  const Operand rowsOfA{a, {}}, columnsOfB{b.transposed(), {}};
  if (worth < 2) return Blocked{kernel, out, rowsOfA, columnsOfB}.run();
  struct {
    const Kernels& kernel;
    const Output& out;
    const Operand &a, &b;
    size_t rowPanels, colPanels;
    Grid grid;
  } job = {kernel, out, rowsOfA, columnsOfB, rowPanels, colPanels,
           chooseGrid(rowPanels, colPanels, kernel.mr, kernel.nr, static_cast<size_t>(worth))};
  parallelFor(job.grid.rows * job.grid.cols, 1, [&job](size_t begin, size_t end) {
    for (size_t index = begin; index < end; ++index) {
      const size_t row = index / job.grid.cols, col = index % job.grid.cols;
      const size_t i0 = job.rowPanels * row / job.grid.rows * job.kernel.mr;
      const size_t i1 = std::min(job.rowPanels * (row + 1) / job.grid.rows * job.kernel.mr, job.a.lanes());
      const size_t j0 = job.colPanels * col / job.grid.cols * job.kernel.nr;
      const size_t j1 = std::min(job.colPanels * (col + 1) / job.grid.cols * job.kernel.nr, job.b.lanes());
      Blocked{job.kernel, job.out.part(i0, j0), job.a.part(i0, i1), job.b.part(j0, j1)}.run();
    }
  });
}

// Rows [begin, end) of the lower triangle to the columns of the upper one.
void mirrorLower(const Kernels& kernel, MatrixF c, size_t begin, size_t end) {
  constexpr size_t kRows = 16;  // a cache line of the upper triangle
  for (size_t i = begin; i < end; i += kRows) {
    const size_t rows = std::min(kRows, end - i);
    kernel.transpose(&c(0, i), c.rowStride, c.row(i), c.rowStride, rows, i);
    for (size_t r = 1; r < rows; ++r)
      for (size_t j = 0; j < r; ++j) c(i + j, i + r) = c(i + r, i + j);
  }
}

// A product known to be symmetric: its lower triangle, then the mirror image. Each part owns some rows of the lower
// triangle and the same columns of the upper one.
void symmetric(const Output& out, const Operand& a, const Operand& b) {
  const Kernels& kernel = kernels();
  const double n = static_cast<double>(a.lanes());
  const size_t panels = ceilDiv(a.lanes(), kernel.mr);
  const double worth = std::min(n * n * static_cast<double>(a.depth()) / kFlopsPerPart, static_cast<double>(teamThreads()));
  const size_t parts = std::clamp<size_t>(static_cast<size_t>(worth), 1, panels);
  struct {
    const Kernels& kernel;
    const Output& out;
    const Operand &a, &b;
    size_t panels, parts;
    // Equal areas of a triangle.
    size_t rowOf(size_t part) const {
      const double share = std::sqrt(static_cast<double>(part) / static_cast<double>(parts));
      return std::min(static_cast<size_t>(std::lround(static_cast<double>(panels) * share)) * kernel.mr, a.lanes());
    }
  } job = {kernel, out, a, b, panels, parts};
  parallelFor(parts, 1, [&job](size_t first, size_t last) {
    for (size_t index = first; index < last; ++index) {
      const size_t begin = job.rowOf(index), end = job.rowOf(index + 1);
      if (begin == end) continue;
      Blocked{job.kernel, job.out.part(begin, 0), job.a.part(begin, end), job.b.part(0, end),
              {true, static_cast<ptrdiff_t>(begin)}}.run();
      mirrorLower(job.kernel, job.out.c, begin, end);
      if (job.out.lo != nullptr)
        mirrorLower(job.kernel, MatrixF(job.out.lo, job.out.c.rows, job.out.c.cols, job.out.loRowStride), begin, end);
    }
  });
}

void thin(const Kernels& kernel, const Output& out, ConstMatrixF a, ConstMatrixF b) {
  const float* rows = a.data;
  if (a.colStride != 1 || (a.rows > 1 && a.rowStride != static_cast<ptrdiff_t>(a.cols))) {
    float* copy = threadScratch(0, a.rows * a.cols);
    for (size_t i = 0; i < a.rows; ++i)
      for (size_t p = 0; p < a.cols; ++p) copy[i * a.cols + p] = a(i, p);
    rows = copy;
  }
  Thin{kernel, out, a, b, rows}.run();
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
  // C^T = B^T A^T where that makes the rows of C contiguous, or the thin side the rows.
  const bool columnMajor = out.c.colStride != 1 && out.c.rowStride == 1;
  const bool thinColumns = out.c.cols <= kThin && out.c.rows > kThin;
  const bool thinRows = out.c.rows <= kThin && out.c.cols > kThin;
  if (thinColumns || (columnMajor && !thinRows)) {
    out = out.transposed();
    std::swap(a, b);
    a = a.transposed();
    b = b.transposed();
  }
  const Kernels& kernel = kernels();
  if (a.rows <= kThin && (b.colStride == 1 || b.rowStride == 1))
    thin(kernel, out, a, b);
  else
    blocked(kernel, out, a, b);
}

}  // namespace

void gemm(MatrixF c, ConstMatrixF a, ConstMatrixF b, float alpha, Into into) {
  product({c, nullptr, 0, 0, alpha, into == Into::Add}, a, b);
}

void gemmCompensated(MatrixF hi, MatrixF lo, ConstMatrixF a, ConstMatrixF b, float alpha) {
  product({hi, lo.data, lo.rowStride, lo.colStride, alpha, true}, a, b);
}

void syr2kCompensated(MatrixF hi, MatrixF lo, ConstMatrixF a, ConstMatrixF b, float alpha) {
  if (hi.rows == 0 || a.rows == 0) return;
  const ConstMatrixF at = a.transposed(), bt = b.transposed();
  symmetric({hi, lo.data, lo.rowStride, lo.colStride, alpha, true}, {at, bt}, {bt, at});
}

void syrk(MatrixF c, ConstMatrixF a) {
  if (c.rows == 0) return;
  if (a.cols == 0) return zeros(c);
  symmetric({c, nullptr, 0, 0, 1.0f, false}, {a, {}}, {a, {}});
}

}  // namespace widehead
