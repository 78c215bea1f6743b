#include "linalg/lu.h"

#include <algorithm>
#include <cmath>

#include "base/pool.h"
#include "kernels/kernels.h"

namespace widehead {
namespace {

constexpr size_t kBlock = 32;      // width of a panel: 32 rows of a 512-column matrix are 128 KB, half an L2 of 2015
constexpr size_t kColumns = 64;    // right-hand sides solved together
constexpr double kTiny = 1e-300;   // stands in for a vanished pivot
constexpr size_t kFlopsPerPart = 500000;

// c -= a b over row-major views.
void subtract(MatrixD c, ConstMatrixD a, ConstMatrixD b) {
  if (c.rows == 0 || c.cols == 0 || a.cols == 0) return;
  kernels().subtractProduct(c.data, c.rowStride, a.data, a.rowStride, a.colStride, b.data, b.rowStride, c.rows, c.cols,
                            a.cols);
}

MatrixD view(MatrixD x, size_t i, size_t j, size_t rows, size_t cols) {
  return {x.data + static_cast<ptrdiff_t>(i) * x.rowStride + static_cast<ptrdiff_t>(j), rows, cols, x.rowStride};
}

void swapRows(MatrixD x, size_t i, size_t j) {
  if (i != j) std::swap_ranges(x.row(i), x.row(i) + x.cols, x.row(j));
}

// Factors columns [begin, end) below row `begin`, whole rows swapped. True if a pivot vanished.
bool factorPanel(MatrixD lu, size_t begin, size_t end, size_t* pivots) {
  const size_t n = lu.rows;
  bool singular = false;
  for (size_t j = begin; j < end; ++j) {
    size_t best = j;
    double size = std::fabs(lu(j, j));
    for (size_t i = j + 1; i < n; ++i)
      if (std::fabs(lu(i, j)) > size) {
        size = std::fabs(lu(i, j));
        best = i;
      }
    pivots[j] = best;
    swapRows(lu, j, best);
    if (!(size >= kTiny)) {
      lu(j, j) = kTiny;
      singular = true;
    }
    const double pivot = lu(j, j);
    for (size_t i = j + 1; i < n; ++i) lu(i, j) /= pivot;
    subtract(view(lu, j + 1, j + 1, n - j - 1, end - j - 1), view(lu, j + 1, j, n - j - 1, 1),
             view(lu, j, j + 1, 1, end - j - 1));
  }
  return singular;
}

// x := L^-1 x from row `first` (the rows above are zero). Each block of rows gathers all it needs from those above at
// once, so that x is written block by block instead of n times over.
void solveLower(MatrixD lu, MatrixD x, size_t first) {
  const size_t n = lu.rows;
  for (size_t begin = first; begin < n; begin += kBlock) {
    const size_t end = std::min(begin + kBlock, n);
    subtract(view(x, begin, 0, end - begin, x.cols), view(lu, begin, first, end - begin, begin - first),
             view(x, first, 0, begin - first, x.cols));
    for (size_t i = begin + 1; i < end; ++i)
      subtract(view(x, i, 0, 1, x.cols), view(lu, i, begin, 1, i - begin), view(x, begin, 0, i - begin, x.cols));
  }
}

// x := U^-1 x
void solveUpper(MatrixD lu, MatrixD x) {
  const size_t n = lu.rows;
  for (size_t end = n; end > 0;) {
    const size_t begin = (end - 1) / kBlock * kBlock;
    subtract(view(x, begin, 0, end - begin, x.cols), view(lu, begin, end, end - begin, n - end),
             view(x, end, 0, n - end, x.cols));
    for (size_t i = end; i-- > begin;) {
      subtract(view(x, i, 0, 1, x.cols), view(lu, i, i + 1, 1, end - i - 1), view(x, i + 1, 0, end - i - 1, x.cols));
      for (size_t j = 0; j < x.cols; ++j) x(i, j) /= lu(i, i);
    }
    end = begin;
  }
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

void Lu::factor(ConstMatrixD a) {
  n_ = a.rows;
  singular_ = false;
  lu_.reserve(n_ * n_);
  pivots_.resize(n_);
  MatrixD lu(lu_.data(), n_, n_);
  for (size_t i = 0; i < n_; ++i)
    for (size_t j = 0; j < n_; ++j) lu(i, j) = a(i, j);

  for (size_t begin = 0; begin < n_; begin += kBlock) {
    const size_t end = std::min(begin + kBlock, n_), rest = n_ - end;
    if (factorPanel(lu, begin, end, pivots_.data())) singular_ = true;
    if (rest == 0) break;
    for (size_t i = begin + 1; i < end; ++i)
      subtract(view(lu, i, end, 1, rest), view(lu, i, begin, 1, i - begin), view(lu, begin, end, i - begin, rest));
    struct {
      MatrixD lu;
      size_t begin, end, rest;
    } job = {lu, begin, end, rest};
    parallelFor(rest, kFlopsPerPart / (2 * (end - begin) * rest) + 1, [&job](size_t from, size_t to) {
      subtract(view(job.lu, job.end + from, job.end, to - from, job.rest),
               view(job.lu, job.end + from, job.begin, to - from, job.end - job.begin),
               view(job.lu, job.begin, job.end, job.end - job.begin, job.rest));
    });
  }
}

void Lu::solve(MatrixD b) const {
  if (n_ == 0 || b.cols == 0) return;
  const MatrixD lu(lu_.data(), n_, n_);
  for (size_t i = 0; i < n_; ++i) swapRows(b, i, pivots_[i]);
  struct {
    MatrixD lu, b;
  } job = {lu, b};
  overColumns(n_, b.cols, [&job](size_t first, size_t columns) {
    const MatrixD x = view(job.b, 0, first, job.b.rows, columns);
    solveLower(job.lu, x, 0);
    solveUpper(job.lu, x);
  });
}

// A^-1 = U^-1 L^-1 P. Column j of L^-1 is zero above row j, which saves two thirds of the forward pass; P permutes the
// columns at the end.
void Lu::inverse(MatrixD x) const {
  if (n_ == 0) return;
  struct {
    MatrixD lu, x;
  } job = {MatrixD(lu_.data(), n_, n_), x};
  overColumns(n_, n_, [&job](size_t first, size_t columns) {
    const MatrixD chunk = view(job.x, 0, first, job.x.rows, columns);
    for (size_t i = 0; i < chunk.rows; ++i) {
      std::fill(chunk.row(i), chunk.row(i) + columns, 0.0);
      if (i >= first && i < first + columns) chunk(i, i - first) = 1.0;
    }
    solveLower(job.lu, chunk, first);
    solveUpper(job.lu, chunk);
  });
  for (size_t i = 0; i < n_; ++i) {
    double* row = x.row(i);
    for (size_t j = n_; j-- > 0;)
      if (pivots_[j] != j) std::swap(row[j], row[pivots_[j]]);
  }
}

}  // namespace widehead
