// Matrix products over any strides: C (m x n), A (m x k), B (k x n); pass .transposed() views for NT and TN.
#pragma once

#include "base/matrix.h"

namespace widehead {

enum class Into { Store, Add };

// C = alpha A B, or C += alpha A B. C must not overlap A or B; with Store C is never read (it may hold NaN). k = 0 stores
// zeros. float32 products and sums. Threaded over tiles of C: the result does not depend on the number of threads.
// Scratch for packing is kept per thread and reused.
void gemm(MatrixF c, ConstMatrixF a, ConstMatrixF b, float alpha = 1.0f, Into into = Into::Store);

// (hi, lo) += alpha A B, as kernels().compensatedAxpy adds: the product is float32, the sum keeps about 48 bits.
// hi and lo are row-major (colStride 1) and of one shape.
void gemmCompensated(MatrixF hi, MatrixF lo, ConstMatrixF a, ConstMatrixF b, float alpha);

// (hi, lo) += alpha (A^T B + B^T A), added in the same way; A and B are k x n, hi and lo n x n, row-major and symmetric.
// Half the work of the product: the lower triangle is computed, and the upper one set to its mirror image.
void syr2kCompensated(MatrixF hi, MatrixF lo, ConstMatrixF a, ConstMatrixF b, float alpha);

// C = A A^T, the upper triangle as the mirror image of the lower one. C is row-major and must not overlap A.
void syrk(MatrixF c, ConstMatrixF a);

}  // namespace widehead
