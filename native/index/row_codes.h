// Rows in four bits a number, for kernels().codeDots: what they and a query make of a product, about.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/buffer.h"

namespace widehead {

inline size_t codeGroups(size_t features) { return (features + 7) / 8; }
inline size_t codeBytes(size_t blocks, size_t features) { return blocks * codeGroups(features) * 64; }

// Writes row `place` (0 to kCodeRows - 1) of a block, which was zeroed: row i is about scale * (code i - 7.5). Returns the scale, which
// makes products with vectors that the row is not related to right on average.
float encodeRow(uint8_t* block, size_t place, const float* row, size_t features);

// A query in eight bits: row . query is about scaleOfRow * scale * (codeDots - offset).
struct CodedQuery {
  explicit CodedQuery(size_t features) : numbers(8 * codeGroups(features)) {}
  void assign(const float* query, size_t features);

  Buffer<int8_t> numbers;
  float scale = 0, offset = 0;
};

}  // namespace widehead
