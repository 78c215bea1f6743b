#include "linalg/packed_product.h"

#include <algorithm>

#include "base/prefetch.h"
#include "kernels/kernels.h"
#include "linalg/tiles.h"

namespace widehead {

namespace {

size_t vectorsOf(size_t n) { return ceilDiv(n, kernels().lanes); }

}  // namespace

// Depth is cut as gemm cuts it, so that sums round alike.
PackedFactor::PackedFactor(ConstMatrixF b)
    : n_(b.rows), k_(b.cols), depthBlocks_(ceilDiv(k_, kDepthBlock)),
      panels_(ceilDiv(vectorsOf(n_) * kernels().lanes, kernels().nr)), packed_(vectorsOf(n_) * kernels().lanes * k_) {
  float* to = packed_.data();
  for (size_t block = 0; block < depthBlocks_; block++) {
    const Range steps = stepsOf(block);
    for (size_t panel = 0; panel < panels_; panel++) {
      const Range columns = columnsOf(panel);
      const size_t width = vectorsOf(columns.size) * kernels().lanes;
      kernels().pack(to, width, &b(columns.begin, steps.begin), b.rowStride, b.colStride, columns.size, steps.size);
      to += width * steps.size;
    }
  }
}

PackedFactor::Range PackedFactor::stepsOf(size_t block) const {
  const size_t begin = k_ * block / depthBlocks_;
  return {begin, k_ * (block + 1) / depthBlocks_ - begin};
}

PackedFactor::Range PackedFactor::columnsOf(size_t panel) const {
  const size_t lanes = kernels().lanes, vectors = vectorsOf(n_);
  const size_t begin = vectors * panel / panels_ * lanes;
  return {begin, std::min(vectors * (panel + 1) / panels_ * lanes, n_) - begin};
}

void PackedFactor::multiply(MatrixF c, ConstMatrixF a, const float* ahead, size_t aheadFloats) const {
  const Kernels& kernel = kernels();
  const size_t tiles = ceilDiv(a.rows, kernel.mr) * depthBlocks_ * panels_;
  const size_t share = ahead == nullptr ? 0 : ceilDiv(ceilDiv(aheadFloats, tiles), 16) * 16;
  size_t asked = 0;
  for (size_t i = 0; i < a.rows; i += kernel.mr) {
    const size_t rows = std::min(kernel.mr, a.rows - i);
    const float* packed = packed_.data();
    for (size_t block = 0; block < depthBlocks_; block++) {
      const Range steps = stepsOf(block);
      for (size_t panel = 0; panel < panels_; panel++) {
        if (asked < aheadFloats && share > 0) {
          prefetchFloats(ahead + asked, std::min(share, aheadFloats - asked));
          asked += share;
        }
        const Range columns = columnsOf(panel);
        const size_t width = vectorsOf(columns.size) * kernel.lanes;
        const TileTerm term = {&a(i, steps.begin), a.rowStride, 1, packed, static_cast<ptrdiff_t>(width), steps.size};
        kernel.gemmTile({&c(i, columns.begin), c.rowStride, nullptr, 0, 1.0f, block > 0}, rows, columns.size, &term, 1);
        packed += width * steps.size;
      }
    }
  }
}

}  // namespace widehead
