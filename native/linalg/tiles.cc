#include "linalg/tiles.h"

#include <algorithm>

#include "base/buffer.h"

// C is computed in tiles that stay in registers for a block of depth. The panel of A that a row of tiles needs (mr rows, 10 KB) lives in
// L1, and B streams past it from L2: 192 bytes for each 12 cycles of an AVX-512 tile. So most operands are read where they
// lie, and B alone is packed (Goto and van de Geijn 2008), where it has to be transposed or its rows share cache sets.

namespace widehead {
namespace {

constexpr size_t kKc = 384;              // depth of a block
constexpr size_t kBlockFloats = 262144;  // of B: 1 MB of a 2 MB L2
constexpr size_t kMaxTile = 1024;

float* threadScratch(size_t count) {
  static thread_local Buffer<float> buffer;
  return buffer.reserve(count);
}

struct Panel {
  size_t begin, end;
};

// Part `index` of `count` equal ones: no panel is so much smaller than the others that its sums cannot hide the latency
// of their additions.
Panel panelOf(size_t size, size_t count, size_t index) { return {size * index / count, size * (index + 1) / count}; }

struct Multiplication {
  const Kernels& kernel;
  const Output& out;
  const Factors* factors;
  const size_t count;
  const Region region;
  const size_t m = factors[0].a.rows, n = factors[0].b.rows, depth = factors[0].a.cols;
  const bool pack = packsB(factors[0].b, m);
  // The block at hand: columns [j0, j0 + width), depth [p0, p0 + kc).
  size_t j0 = 0, width = 0, p0 = 0, kc = 0;
  float* packed = nullptr;

  void run() {
    const size_t depthBlocks = ceilDiv(depth, kKc / count);
    const size_t maxKc = ceilDiv(depth, depthBlocks);
    const size_t columnBlocks = ceilDiv(n, std::max(kBlockFloats / (maxKc * count) / kernel.nr, size_t{1}) * kernel.nr);
    const size_t vectors = ceilDiv(n, kernel.lanes);
    packed = threadScratch((ceilDiv(vectors, columnBlocks) + 1) * kernel.lanes * maxKc * count);
    for (size_t block = 0; block < columnBlocks; ++block) {
      const Panel columns = panelOf(vectors, columnBlocks, block);
      j0 = columns.begin * kernel.lanes;
      width = std::min(columns.end * kernel.lanes, n) - j0;
      for (size_t index = 0; index < depthBlocks; ++index) {
        const Panel steps = panelOf(depth, depthBlocks, index);
        p0 = steps.begin;
        kc = steps.end - steps.begin;
        packBlock();
        const size_t rowPanels = ceilDiv(m, kernel.mr);
        for (size_t i = 0; i < rowPanels; ++i) rowOfTiles(panelOf(m, rowPanels, i));
      }
    }
  }

  size_t columnPanels() const { return ceilDiv(width, kernel.nr); }
  // In columns of the block; every panel but the last has whole vectors.
  Panel columnPanel(size_t index) const {
    const Panel vectors = panelOf(ceilDiv(width, kernel.lanes), columnPanels(), index);
    return {vectors.begin * kernel.lanes, std::min(vectors.end * kernel.lanes, width)};
  }
  // gemmTile reads whole vectors: a ragged panel is packed in any case.
  bool isPacked(Panel panel) const { return pack || (panel.end - panel.begin) % kernel.lanes != 0; }
  float* packedPanel(size_t which, Panel panel) const {
    return packed + (which * ceilDiv(width, kernel.lanes) * kernel.lanes + panel.begin) * kc;
  }
  size_t packedWidth(Panel panel) const { return ceilDiv(panel.end - panel.begin, kernel.lanes) * kernel.lanes; }

  void packBlock() const {
    for (size_t index = 0; index < columnPanels(); ++index) {
      const Panel panel = columnPanel(index);
      if (!isPacked(panel)) continue;
      for (size_t which = 0; which < count; ++which) {
        const ConstMatrixF b = factors[which].b;
        kernel.pack(packedPanel(which, panel), packedWidth(panel), &b(j0 + panel.begin, p0), b.rowStride, b.colStride,
                    panel.end - panel.begin, kc);
      }
    }
  }

  void rowOfTiles(Panel rows) const {
    const size_t wanted = region.columns(rows.end, n);
    for (size_t index = 0; index < columnPanels(); ++index) {
      Panel panel = columnPanel(index);
      if (j0 + panel.begin >= wanted) return;
      TileTerm terms[kMaxFactors];
      for (size_t which = 0; which < count; ++which) {
        const ConstMatrixF a = factors[which].a, b = factors[which].b;
        const bool copy = isPacked(panel);
        terms[which] = {&a(rows.begin, p0), a.rowStride, a.colStride,
                        copy ? packedPanel(which, panel) : &b(j0 + panel.begin, p0),
                        copy ? static_cast<ptrdiff_t>(packedWidth(panel)) : b.colStride, kc};
      }
      panel.end = std::min(panel.end, wanted - j0);
      tile(terms, rows, panel);
    }
  }

  void tile(const TileTerm* terms, Panel rows, Panel panel) const {
    const size_t height = rows.end - rows.begin, columns = panel.end - panel.begin, j = j0 + panel.begin;
    const bool add = out.add || p0 > 0;
    const MatrixF c = out.c;
    if (c.colStride == 1 && (!out.compensated() || out.lo.colStride == 1)) {
      const TileOutput target = {&c(rows.begin, j), c.rowStride, out.compensated() ? &out.lo(rows.begin, j) : nullptr,
                                 out.lo.rowStride, out.alpha, add};
      return kernel.gemmTile(target, height, columns, terms, count);
    }
    alignas(64) float t[kMaxTile];
    const ptrdiff_t stride = static_cast<ptrdiff_t>(kernel.nr);
    kernel.gemmTile({t, stride, nullptr, 0, out.compensated() ? 1.0f : out.alpha, false}, height, columns, terms, count);
    if (c.rowStride == 1 && !out.compensated() && !add)
      return kernel.transpose(&c(rows.begin, j), c.colStride, t, stride, height, columns);
    for (size_t r = 0; r < height; ++r)
      for (size_t q = 0; q < columns; ++q) {
        const float value = t[r * kernel.nr + q];
        float& element = c(rows.begin + r, j + q);
        if (out.compensated())
          kernel.compensatedAxpy(&element, &out.lo(rows.begin + r, j + q), out.alpha, &value, 1);
        else
          element = add ? element + value : value;
      }
  }
};

}  // namespace

bool packsB(ConstMatrixF b, size_t rows) {
  if (b.rowStride != 1) return true;
  return rows >= 64 && (b.colStride % 512 == 0 || b.colStride >= 1024);
}

void multiply(const Kernels& kernel, const Output& out, const Factors* factors, size_t count, Region region) {
  Multiplication{kernel, out, factors, count, region}.run();
}

}  // namespace widehead
