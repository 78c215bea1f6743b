// Small dense float64 systems: LU with partial pivoting.
#pragma once

#include <vector>

#include "base/buffer.h"
#include "base/matrix.h"

namespace widehead {

// A = P L U of a square float64 matrix (row-major copy inside).
class Lu {
 public:
  // Factors a (n x n). A pivot smaller than 1e-300 in size is replaced by 1e-300, so that inverse iteration on a singular matrix
  // works; singular() then says so.
  void factor(ConstMatrixD a);
  // Room for systems of this size, so that only threads' scratch is allocated later: at most scratchBytes() each.
  void reserve(size_t n);
  static size_t scratchBytes(size_t n);
  bool singular() const { return singular_; }
  size_t size() const { return n_; }
  size_t bytes() const { return lu_.bytes() + pivots_.capacity() * sizeof(size_t); }

  // B := A^-1 B for B n x k row-major. Blocked and threaded over columns of B.
  void solve(MatrixD b) const;
  // X := A^-1 (n x n)
  void inverse(MatrixD x) const;

 private:
  size_t n_ = 0, stride_ = 0;
  bool singular_ = false;
  Buffer<double> lu_;
  std::vector<size_t> pivots_;
};

}  // namespace widehead
