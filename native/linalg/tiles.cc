#include "linalg/tiles.h"

#include <algorithm>
#include <array>

#include "base/buffer.h"
#include "base/per_thread.h"

// C is computed in tiles that stay in registers for a block of depth. The panel of A that a row of tiles needs (mr rows,
// 12 KB) lives in L1, and B streams past it from L2: 192 bytes for each 12 cycles of an AVX-512 tile. So operands are read
// where they lie, and packed (Goto and van de Geijn 2008) only if they have to be transposed or lie badly for the caches.

namespace widehead {
namespace {

constexpr size_t kBlockFloats = 262144;  // of B: 1 MB of a 2 MB L2
constexpr size_t kMaxPanels = 64;        // of B in a block
constexpr size_t kMaxTile = 1024;
constexpr size_t kReuse = 64;         // rows of A that make up for packing B where it could be read in place
constexpr size_t kReuseAliased = 16;  // the same where rows of B a multiple of 4 KB apart share one set of L1
constexpr size_t kNarrow = 32;        // columns of a tile
constexpr size_t kDeep = 256;         // steps of depth: with whole lines of them L1 is full

float* threadScratch(size_t which, size_t count) {
  auto& buffers = perThread<std::array<Buffer<float>, 2>>([] {});
  return buffers[which].reserve(count);
}

struct Range {
  size_t begin, end;
  size_t size() const { return end - begin; }
};

// Part `index` of `count` equal ones: no panel is so much smaller than the others that its few sums cannot hide the
// latency of their additions.
Range partOf(size_t size, size_t count, size_t index) { return {size * index / count, size * (index + 1) / count}; }

// Columns of the block, and where their part of B lies.
struct Panel {
  Range columns;
  const float* b[kMaxFactors];
  ptrdiff_t bStep;
};

struct Multiplication {
  const Kernels& kernel;
  const Output& out;
  const Factors* factors;
  const size_t count;
  const Region region;
  const size_t m = factors[0].a.rows, n = factors[0].b.rows, depth = factors[0].a.cols;
  const bool pack = packsB(kernel, factors[0].b, m);
  Range steps = {};  // the block at hand
  size_t panelCount = 0;
  Panel panels[kMaxPanels] = {};

  void run() {
    const size_t depthBlocks = ceilDiv(depth, kDepthBlock / count), maxKc = ceilDiv(depth, depthBlocks);
    const size_t maxPanels = std::clamp<size_t>(kBlockFloats / (maxKc * count * kernel.nr), 1, kMaxPanels);
    const size_t vectors = ceilDiv(n, kernel.lanes), columnBlocks = ceilDiv(n, maxPanels * kernel.nr);
    float* packed =
        pack ? threadScratch(0, (ceilDiv(vectors, columnBlocks) + 1) * kernel.lanes * maxKc * count) : nullptr;
    const size_t rowPanels = ceilDiv(m, kernel.mr);
    for (size_t block = 0; block < columnBlocks; ++block) {
      for (size_t index = 0; index < depthBlocks; ++index) {
        steps = partOf(depth, depthBlocks, index);
        cutPanels(partOf(vectors, columnBlocks, block), packed);
        for (size_t i = 0; i < rowPanels; ++i) rowOfTiles(partOf(m, rowPanels, i));
      }
    }
  }

  void cutPanels(Range vectors, float* packed) {
    panelCount = ceilDiv(vectors.size() * kernel.lanes, kernel.nr);
    for (size_t index = 0; index < panelCount; ++index) {
      const Range part = partOf(vectors.size(), panelCount, index);
      const size_t begin = (vectors.begin + part.begin) * kernel.lanes, width = part.size() * kernel.lanes;
      Panel& panel = panels[index];
      panel.columns = {begin, std::min(begin + width, n)};
      panel.bStep = pack ? static_cast<ptrdiff_t>(width) : factors[0].b.colStride;
      for (size_t which = 0; which < count; ++which) {
        const ConstMatrixF b = factors[which].b;
        panel.b[which] = &b(begin, steps.begin);
        if (!pack) continue;
        kernel.pack(packed, width, panel.b[which], b.rowStride, b.colStride, panel.columns.size(), steps.size());
        panel.b[which] = packed;
        packed += width * steps.size();
      }
    }
  }

  void rowOfTiles(Range rows) {
    TileTerm terms[kMaxFactors];
    float* packed = nullptr;
    for (size_t which = 0; which < count; ++which) {
      const ConstMatrixF a = factors[which].a;
      terms[which] = {&a(rows.begin, steps.begin), a.rowStride, a.colStride, nullptr, panels[0].bStep, steps.size()};
      if (a.colStride == 1 || panelCount < 4) continue;
      // Steps of depth lie far apart, each with a piece of its cache line: gather them once for all tiles of the row.
      if (packed == nullptr) packed = threadScratch(1, kernel.mr * steps.size() * count);
      kernel.pack(packed, rows.size(), terms[which].a, a.rowStride, a.colStride, rows.size(), steps.size());
      terms[which].a = packed;
      terms[which].aRow = 1;
      terms[which].aStep = static_cast<ptrdiff_t>(rows.size());
      packed += kernel.mr * steps.size();
    }
    const size_t wanted = region.columns(rows.end, n);
    for (const Panel* panel = panels; panel < panels + panelCount && panel->columns.begin < wanted; ++panel) {
      for (size_t which = 0; which < count; ++which) {
        terms[which].b = panel->b[which];
        terms[which].bStep = panel->bStep;
      }
      tile(terms, rows, {panel->columns.begin, std::min(panel->columns.end, wanted)});
    }
  }

  void tile(const TileTerm* terms, Range rows, Range columns) const {
    const bool add = out.add || steps.begin > 0;
    const MatrixF c = out.c;
    float* target = &c(rows.begin, columns.begin);
    if (c.colStride == 1 && (!out.compensated() || out.lo.colStride == 1)) {
      float* lo = out.compensated() ? &out.lo(rows.begin, columns.begin) : nullptr;
      return kernel.gemmTile({target, c.rowStride, lo, out.lo.rowStride, out.alpha, add}, rows.size(), columns.size(),
                             terms, count);
    }
    alignas(64) float t[kMaxTile];
    const ptrdiff_t stride = static_cast<ptrdiff_t>(kernel.nr);
    const float alpha = out.compensated() ? 1.0f : out.alpha;
    kernel.gemmTile({t, stride, nullptr, 0, alpha, false}, rows.size(), columns.size(), terms, count);
    if (c.rowStride == 1 && !out.compensated() && !add)
      return kernel.transpose(target, c.colStride, t, stride, rows.size(), columns.size());
    for (size_t i = 0; i < rows.size(); ++i)
      for (size_t j = 0; j < columns.size(); ++j) scatter(rows.begin + i, columns.begin + j, t[i * kernel.nr + j], add);
  }

  void scatter(size_t i, size_t j, float value, bool add) const {
    float& element = out.c(i, j);
    if (out.compensated()) kernel.compensatedAxpy(&element, &out.lo(i, j), out.alpha, &value, 1);
    else element = add ? element + value : value;
  }
};

}  // namespace

size_t productScratchBytes(size_t columns, size_t depth) {
  // Panels end with whole tiles, of which the largest are kMaxTile numbers.
  const size_t steps = std::min(kMaxFactors * depth, kDepthBlock + kMaxFactors), tile = kMaxTile / 8;
  const size_t panels = std::min(columns + 2 * tile, kBlockFloats / std::max<size_t>(steps, 1) + 2 * tile);
  return ((panels + tile) * steps + kThin * std::max(columns, depth)) * sizeof(float);
}

bool packsB(const Kernels& kernel, ConstMatrixF b, size_t rows) {
  if (b.rowStride != 1) return true;
  // Of a narrow tile's lines half would lie in L1 for nothing.
  const bool narrow = kernel.nr < kNarrow;
  if (narrow && b.colStride % 1024 == 0) return rows >= kReuseAliased;
  return rows >= kReuse && ((narrow && b.cols >= kDeep) || b.colStride % 512 == 0 || b.colStride >= 1024);
}

void multiply(const Kernels& kernel, const Output& out, const Factors* factors, size_t count, Region region) {
  Multiplication{kernel, out, factors, count, region}.run();
}

}  // namespace widehead
