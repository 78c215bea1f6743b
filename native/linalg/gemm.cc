#include "linalg/gemm.h"

#include <algorithm>
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
constexpr size_t kFlopsPerPart = 500000, kPackedPerPart = 16384, kThinPerPart = 32768;
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

// One block of the blocked product: panels of A and B, packed, then the tiles they make.
struct Block {
  const Kernels& kernel;
  const Output& out;
  ConstMatrixF a, b;  // whole operands
  float *packedA, *packedB;
  size_t j0, cols, p0, depth, i0, rows;

  size_t rowPanels() const { return ceilDiv(rows, kernel.mr); }
  size_t colPanels() const { return ceilDiv(cols, kernel.nr); }

  void packA(size_t panel) const {
    const size_t i = panel * kernel.mr;
    kernel.pack(packedA + i * depth, kernel.mr, &a(i0 + i, p0), a.rowStride, a.colStride,
                std::min(kernel.mr, rows - i), depth);
  }
  void packB(size_t panel) const {
    const size_t j = panel * kernel.nr;
    kernel.pack(packedB + j * depth, kernel.nr, &b(p0, j0 + j), b.colStride, b.rowStride,
                std::min(kernel.nr, cols - j), depth);
  }

  // Panels [0, rowPanels) are A's, those behind them B's; B's stay packed while i0 moves on.
  void pack() const {
    const size_t ofA = rowPanels(), count = ofA + (i0 == 0 ? colPanels() : 0);
    parallelFor(count, ceilDiv(kPackedPerPart, depth * kernel.nr), [this, ofA](size_t begin, size_t end) {
      for (size_t panel = begin; panel < end; ++panel) panel < ofA ? packA(panel) : packB(panel - ofA);
    });
  }

  // Tiles column panel by column panel: the panel of B stays in L1 while A's pass by.
  void multiply() const {
    const size_t count = rowPanels() * colPanels();
    parallelFor(count, ceilDiv(kFlopsPerPart, 2 * kernel.mr * kernel.nr * depth), [this](size_t begin, size_t end) {
      alignas(64) float t[kMaxTile];
      const size_t panels = rowPanels();
      for (size_t index = begin; index < end; ++index) {
        const size_t i = index % panels * kernel.mr, j = index / panels * kernel.nr;
        kernel.gemmTile(t, packedA + i * depth, packedB + j * depth, depth);
        out.write(kernel, t, i0 + i, j0 + j, std::min(kernel.mr, rows - i), std::min(kernel.nr, cols - j), p0 > 0);
      }
    });
  }
};

void blocked(const Kernels& kernel, const Output& out, ConstMatrixF a, ConstMatrixF b) {
  const size_t m = a.rows, n = b.cols, k = a.cols;
  // Equal parts of k and m: a rest of a few steps would pay a full pass over C.
  const size_t kc = ceilDiv(k, ceilDiv(k, kKc));
  const size_t rowPanels = ceilDiv(m, kernel.mr), mcPanels = std::max<size_t>(kMc / kernel.mr, 1);
  const size_t mc = ceilDiv(rowPanels, ceilDiv(rowPanels, mcPanels)) * kernel.mr;
  const size_t nc = kNc / kernel.nr * kernel.nr;
  const size_t paddedN = ceilDiv(std::min(n, nc), kernel.nr) * kernel.nr;
  Block block{kernel, out, a, b, threadScratch(0, mc * kc), threadScratch(1, paddedN * kc), 0, 0, 0, 0, 0, 0};
  for (block.j0 = 0; block.j0 < n; block.j0 += nc) {
    block.cols = std::min(nc, n - block.j0);
    for (block.p0 = 0; block.p0 < k; block.p0 += kc) {
      block.depth = std::min(kc, k - block.p0);
      for (block.i0 = 0; block.i0 < m; block.i0 += mc) {
        block.rows = std::min(mc, m - block.i0);
        block.pack();
        block.multiply();
      }
    }
  }
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

}  // namespace widehead
