// Views of float matrices: who owns the memory is somebody else's business.
#pragma once

#include <cstddef>

namespace widehead {

// Element (i, j) lies at data[i * rowStride + j * colStride]; strides are in elements. A transpose is a view.
template <class T>
struct Matrix {
  T* data = nullptr;
  size_t rows = 0, cols = 0;
  ptrdiff_t rowStride = 0, colStride = 1;

  Matrix() = default;
  Matrix(T* data, size_t rows, size_t cols) : Matrix(data, rows, cols, static_cast<ptrdiff_t>(cols)) {}
  Matrix(T* data, size_t rows, size_t cols, ptrdiff_t rowStride, ptrdiff_t colStride = 1)
      : data(data), rows(rows), cols(cols), rowStride(rowStride), colStride(colStride) {}

  T& operator()(size_t i, size_t j) const {
    return data[static_cast<ptrdiff_t>(i) * rowStride + static_cast<ptrdiff_t>(j) * colStride];
  }
  T* row(size_t i) const { return data + static_cast<ptrdiff_t>(i) * rowStride; }
  Matrix transposed() const { return {data, cols, rows, colStride, rowStride}; }
  Matrix rowRange(size_t begin, size_t end) const { return {row(begin), end - begin, cols, rowStride, colStride}; }
  operator Matrix<const T>() const { return {data, rows, cols, rowStride, colStride}; }
};

// A row stride for n floats: rows begin on cache lines, and an odd number of lines apart, so that a column walks through all sets
// of the first-level cache.
inline size_t alignedStride(size_t n) { return ((n + 15) / 16 | 1) * 16; }

using MatrixF = Matrix<float>;
using ConstMatrixF = Matrix<const float>;
using MatrixD = Matrix<double>;
using ConstMatrixD = Matrix<const double>;

}  // namespace widehead
