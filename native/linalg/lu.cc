#include "linalg/lu.h"

#include <algorithm>
#include <cmath>

#include "base/per_thread.h"
#include "base/pool.h"
#include "kernels/kernels.h"

namespace widehead {
namespace {

constexpr size_t kBase = 8;       // where the recursions end: one vector of AVX-512
constexpr size_t kColumns = 64;   // right-hand sides solved together: 512 rows of them are 256 KB
constexpr double kTiny = 1e-300;  // stands in for a vanished pivot
// About 40 us: half of what a thread updates was written by the other core.
constexpr size_t kFlopsPerPart = 1500000;

// Row strides that are a multiple of 4 KB would put a whole column into one set of L1 (n = 512: 42 instead of 45
// GFLOP/s); an odd number of cache lines walks through all sets.
size_t paddedStride(size_t n) { return ((n + 7) / 8 | 1) * 8; }

double* threadScratch(size_t count) {
  auto& buffer = perThread<Buffer<double>>([] {});
  return buffer.reserve(count);
}

// c -= a b over row-major views.
void subtract(MatrixD c, ConstMatrixD a, ConstMatrixD b) {
  if (c.rows == 0 || c.cols == 0 || a.cols == 0) return;
  kernels().subtractProduct(c.data, c.rowStride, a.data, a.rowStride, a.colStride, b.data, b.rowStride, c.rows, c.cols,
                            a.cols);
}

template <class T>
Matrix<T> view(Matrix<T> x, size_t i, size_t j, size_t rows, size_t cols) {
  return {x.data + static_cast<ptrdiff_t>(i) * x.rowStride + static_cast<ptrdiff_t>(j), rows, cols, x.rowStride};
}

void swapRows(MatrixD x, size_t i, size_t j) {
  if (i != j) std::swap_ranges(x.row(i), x.row(i) + x.cols, x.row(j));
}

// The point at which a recursion over n > kBase splits.
size_t half(size_t n) { return (n / 2 + kBase - 1) / kBase * kBase; }

// x := L^-1 x with the unit lower triangle of l.
void solveLower(ConstMatrixD l, MatrixD x) {
  const size_t n = x.rows;
  if (n <= kBase) {
    for (size_t i = 1; i < n; ++i) subtract(view(x, i, 0, 1, x.cols), view(l, i, 0, 1, i), view(x, 0, 0, i, x.cols));
    return;
  }
  const size_t top = half(n), rest = n - top;
  solveLower(view(l, 0, 0, top, top), view(x, 0, 0, top, x.cols));
  subtract(view(x, top, 0, rest, x.cols), view(l, top, 0, rest, top), view(x, 0, 0, top, x.cols));
  solveLower(view(l, top, top, rest, rest), view(x, top, 0, rest, x.cols));
}

// x := U^-1 x with the upper triangle of u.
void solveUpper(ConstMatrixD u, MatrixD x) {
  const size_t n = x.rows;
  if (n <= kBase) {
    for (size_t i = n; i-- > 0;) {
      subtract(view(x, i, 0, 1, x.cols), view(u, i, i + 1, 1, n - i - 1), view(x, i + 1, 0, n - i - 1, x.cols));
      const double reciprocal = 1.0 / u(i, i);
      double* row = x.row(i);
      for (size_t j = 0; j < x.cols; ++j) row[j] *= reciprocal;
    }
    return;
  }
  const size_t top = half(n), rest = n - top;
  solveUpper(view(u, top, top, rest, rest), view(x, top, 0, rest, x.cols));
  subtract(view(x, 0, 0, top, x.cols), view(u, 0, top, top, rest), view(x, top, 0, rest, x.cols));
  solveUpper(view(u, 0, 0, top, top), view(x, 0, 0, top, x.cols));
}

// c -= a b on all threads, cut by rows.
void subtractThreaded(MatrixD c, ConstMatrixD a, ConstMatrixD b) {
  struct {
    MatrixD c;
    ConstMatrixD a, b;
  } job = {c, a, b};
  parallelFor(c.rows, kFlopsPerPart / (2 * c.cols * a.cols) + 1, [&job](size_t begin, size_t end) {
    subtract(job.c.rowRange(begin, end), job.a.rowRange(begin, end), job.b);
  });
}

// Recursive LU (Toledo, SIAM J. Matrix Anal. Appl. 18, 1997): nearly all flops become products with a long inner
// dimension, without a block size to tune.
struct Factoring {
  MatrixD lu;
  size_t* pivots;
  double* panel;  // kBase rows of lu.rows
  bool singular = false;

  // Columns [begin, end) from row `begin` down; whole rows are swapped.
  void columns(size_t begin, size_t end) {
    const size_t n = lu.rows, width = end - begin;
    if (width <= kBase) return base(begin, width);
    const size_t mid = begin + half(width);
    columns(begin, mid);
    solveLower(view(lu, begin, begin, mid - begin, mid - begin), view(lu, begin, mid, mid - begin, end - mid));
    subtractThreaded(view(lu, mid, mid, n - mid, end - mid), view(lu, mid, begin, n - mid, mid - begin),
                     view(lu, begin, mid, mid - begin, end - mid));
    columns(mid, end);
  }

  // At most kBase columns, transposed into `panel`, where a column lies in one piece.
  void base(size_t begin, size_t width) {
    const size_t rows = lu.rows - begin;
    const MatrixD t(panel, width, rows);
    for (size_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < width; ++j) t(j, i) = lu(begin + i, begin + j);
    for (size_t j = 0; j < width; ++j) {
      const size_t best = pivotRow(t.row(j), j, rows);
      pivots[begin + j] = begin + best;
      if (best != j) {
        swapRows(lu, begin + j, begin + best);
        for (size_t c = 0; c < width; ++c) std::swap(t(c, j), t(c, best));
      }
      double* column = t.row(j);
      if (!(std::fabs(column[j]) >= kTiny)) {
        column[j] = kTiny;
        singular = true;
      }
      const double pivot = column[j];
      for (size_t i = j + 1; i < rows; ++i) column[i] /= pivot;
      subtract(view(t, j + 1, j + 1, width - j - 1, rows - j - 1), view(t, j + 1, j, width - j - 1, 1),
               view(t, j, j + 1, 1, rows - j - 1));
    }
    for (size_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < width; ++j) lu(begin + i, begin + j) = t(j, i);
  }

  static size_t pivotRow(const double* column, size_t begin, size_t rows) {
    size_t best = begin;
    double size = std::fabs(column[begin]);
    for (size_t i = begin + 1; i < rows; ++i)
      if (std::fabs(column[i]) > size) {
        size = std::fabs(column[i]);
        best = i;
      }
    return best;
  }
};

void copy(MatrixD to, ConstMatrixD from) {
  for (size_t i = 0; i < to.rows; ++i) std::copy(from.row(i), from.row(i) + to.cols, to.row(i));
}

// n x columns of this thread's own: the caller's rows may lie a power of two apart.
MatrixD scratchColumns(size_t n, size_t columns) {
  const size_t stride = paddedStride(columns);
  return {threadScratch(n * stride), n, columns, static_cast<ptrdiff_t>(stride)};
}

// body(first column, columns) over fixed chunks, so that the result does not depend on the number of threads.
template <class Body>
void overColumns(size_t n, size_t columns, const Body& body) {
  const size_t chunks = (columns + kColumns - 1) / kColumns;
  const size_t grain = kFlopsPerPart / (2 * n * n * std::min(columns, kColumns)) + 1;
  parallelFor(chunks, grain, [&body, columns](size_t begin, size_t end) {
    for (size_t chunk = begin; chunk < end; ++chunk)
      body(chunk * kColumns, std::min(kColumns, columns - chunk * kColumns));
  });
}

}  // namespace

void Lu::reserve(size_t n) {
  lu_.reserve(n * paddedStride(n));
  pivots_.reserve(n);
}

size_t Lu::scratchBytes(size_t n) { return n * paddedStride(kColumns) * sizeof(double); }

void Lu::factor(ConstMatrixD a) {
  reserve(a.rows);
  n_ = a.rows;
  stride_ = paddedStride(n_);
  pivots_.resize(n_);
  const MatrixD lu(lu_.data(), n_, n_, static_cast<ptrdiff_t>(stride_));
  for (size_t i = 0; i < n_; ++i)
    for (size_t j = 0; j < n_; ++j) lu(i, j) = a(i, j);
  Factoring factoring{lu, pivots_.data(), threadScratch(kBase * n_)};
  if (n_ > 0) factoring.columns(0, n_);
  singular_ = factoring.singular;
}

void Lu::solve(MatrixD b) const {
  if (n_ == 0 || b.cols == 0) return;
  for (size_t i = 0; i < n_; ++i) swapRows(b, i, pivots_[i]);
  struct {
    ConstMatrixD lu;
    MatrixD b;
  } job = {ConstMatrixD(lu_.data(), n_, n_, static_cast<ptrdiff_t>(stride_)), b};
  overColumns(n_, b.cols, [&job](size_t first, size_t columns) {
    const MatrixD target = view(job.b, 0, first, job.b.rows, columns), x = scratchColumns(target.rows, columns);
    copy(x, target);
    solveLower(job.lu, x);
    solveUpper(job.lu, x);
    copy(target, x);
  });
}

// A^-1 = U^-1 L^-1 P. Column j of L^-1 is zero above row j, which saves two thirds of the forward pass; P permutes the
// columns at the end.
void Lu::inverse(MatrixD x) const {
  if (n_ == 0) return;
  struct {
    ConstMatrixD lu;
    MatrixD x;
  } job = {ConstMatrixD(lu_.data(), n_, n_, static_cast<ptrdiff_t>(stride_)), x};
  overColumns(n_, n_, [&job](size_t first, size_t columns) {
    const size_t n = job.lu.rows;
    const MatrixD chunk = scratchColumns(n, columns);
    for (size_t i = 0; i < n; ++i) std::fill(chunk.row(i), chunk.row(i) + columns, 0.0);
    for (size_t j = 0; j < columns; ++j) chunk(first + j, j) = 1.0;
    solveLower(view(job.lu, first, first, n - first, n - first), view(chunk, first, 0, n - first, columns));
    solveUpper(job.lu, chunk);
    copy(view(job.x, 0, first, n, columns), chunk);
  });
  for (size_t i = 0; i < n_; ++i) {
    double* row = x.row(i);
    for (size_t j = n_; j-- > 0;)
      if (pivots_[j] != j) std::swap(row[j], row[pivots_[j]]);
  }
}

}  // namespace widehead
