// Cells of rows that lie near each other: the nearest of some centres, by Lloyd's k-means on a sample of the rows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/buffer.h"
#include "base/matrix.h"

namespace widehead {

// centres (count x n) for the rows (many x n); 1 <= count <= rows. A function of rows, count and seed alone.
Buffer<float> trainCells(ConstMatrixF rows, size_t count, uint64_t seed);

// cellOf[i] = the centre that is nearest to row i, the lower of two equals. Threaded.
void assignCells(uint32_t* cellOf, ConstMatrixF rows, ConstMatrixF centres);

}  // namespace widehead
