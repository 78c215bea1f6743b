// Inside the products: one thread's share of a sum of products, cut into the tiles of kernels().gemmTile.
#pragma once

#include "base/matrix.h"
#include "kernels/kernels.h"

namespace widehead {

inline size_t ceilDiv(size_t a, size_t b) { return (a + b - 1) / b; }

// Where a product goes: C, or the two words of a compensated sum (lo is then of C's shape).
struct Output {
  MatrixF c, lo;
  float alpha;
  bool add;

  bool compensated() const { return lo.data != nullptr; }
  Output transposed() const { return {c.transposed(), compensated() ? lo.transposed() : lo, alpha, add}; }
  // The rest from element (i, j) on.
  Output part(size_t i, size_t j) const { return {rest(c, i, j), compensated() ? rest(lo, i, j) : lo, alpha, add}; }

 private:
  static MatrixF rest(MatrixF x, size_t i, size_t j) {
    return {&x(i, j), x.rows - i, x.cols - j, x.rowStride, x.colStride};
  }
};

// The factors of one product, both with the depth of the sum as their columns: A is m x k, B n x k, the product A B^T.
struct Factors {
  ConstMatrixF a, b;

  Factors part(size_t i0, size_t i1, size_t j0, size_t j1) const { return {a.rowRange(i0, i1), b.rowRange(j0, j1)}; }
};

// What is wanted of a product: all of it, or at least its elements j <= i + offset.
struct Region {
  bool lower = false;
  ptrdiff_t offset = 0;

  // How many of n columns the rows before `end` need.
  size_t columns(size_t end, size_t n) const {
    const ptrdiff_t reach = static_cast<ptrdiff_t>(end) + offset;
    if (!lower || reach >= static_cast<ptrdiff_t>(n)) return n;
    return reach > 0 ? static_cast<size_t>(reach) : 0;
  }
};

// Up to this many rows of A, dots with the rows of a transposed B are faster than tiles, for which it has to be packed.
constexpr size_t kThin = 6;
constexpr size_t kMaxFactors = 2;
// The most steps of depth that are summed in registers: more are cut in blocks of about equal depth.
constexpr size_t kDepthBlock = 384;

// out = or += alpha * the sum of `count` products of one shape, on this thread.
void multiply(const Kernels& kernel, const Output& out, const Factors* factors, size_t count, Region region = {});

// At most, of a thread's own: for products of this many columns and steps of depth.
size_t productScratchBytes(size_t columns, size_t depth);

// Whether multiply copies B (to transpose it, or because its rows lie badly for the caches) before it uses it.
bool packsB(const Kernels& kernel, ConstMatrixF b, size_t rows);

}  // namespace widehead
