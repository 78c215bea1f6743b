#include "hashing/simhash.h"

#include <algorithm>

#include "base/pool.h"
#include "base/rng.h"
#include "linalg/gemm.h"

namespace widehead {

SimHash::SimHash(const HashSettings& settings)
    : HashFamily(settings, 1), columns_((settings.tables * settings.hashesPerTable + 15) / 16 * 16) {
  const size_t used = settings.tables * settings.hashesPerTable;
  directions_.zeros(settings.dimension * columns_);
  parallelFor(settings.dimension, 16, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      for (size_t c = 0; c < used; c++) {
        directions_[i * columns_ + c] = static_cast<float>(randomNormal(settings.seed, i * used + c));
      }
    }
  });
}

void SimHash::prepare(HashScratch::Part& part) const {
  part.values.reserve(kBlock * columns_ + kLeastRows * settings_.dimension);
}

void SimHash::keys(uint64_t* out, const float* rows, size_t rowStride, size_t n, HashScratch::Part& part) const {
  float* values = part.values.data();
  const size_t dimension = settings_.dimension, perTable = settings_.hashesPerTable;
  ConstMatrixF x(rows, n, dimension, static_cast<ptrdiff_t>(rowStride));
  if (n < kLeastRows) {
    float* padded = values + kBlock * columns_;
    std::fill(padded, padded + kLeastRows * dimension, 0.0f);
    for (size_t i = 0; i < n; i++) std::copy(x.row(i), x.row(i) + dimension, padded + i * dimension);
    x = ConstMatrixF(padded, kLeastRows, dimension);
  }
  gemm(MatrixF(values, x.rows, columns_), x, ConstMatrixF(directions_.data(), dimension, columns_));
  for (size_t i = 0; i < n; i++) {
    const float* projection = values + i * columns_;
    for (size_t t = 0; t < settings_.tables; t++) {
      uint64_t key = 0;
      for (size_t h = 0; h < perTable; h++) key = key << 1 | (*projection++ >= 0 ? 1 : 0);
      out[i * settings_.tables + t] = key;
    }
  }
}

}  // namespace widehead
