// Bags of ids, the input of a trunk, and the checks of their contents.
//
// Bag b holds the entries indptr[b] .. indptr[b + 1] - 1 of `indices` and `values` (compressed sparse rows). An example
// is `slots` bags in a row, so that m examples are m * slots bags.
#pragma once

#include <cstddef>
#include <cstdint>

namespace widehead {

struct Bags {
  const uint32_t* indptr = nullptr;  // count + 1
  size_t count = 0;
  const uint32_t* indices = nullptr;  // entries
  size_t entries = 0;
  const float* values = nullptr;  // entries, or null: every weight is 1

  size_t begin(size_t bag) const { return indptr[bag]; }
  size_t end(size_t bag) const { return indptr[bag + 1]; }
  size_t size(size_t bag) const { return end(bag) - begin(bag); }
  float value(size_t entry) const { return values ? values[entry] : 1.0f; }
};

// Throws WIDEHEAD_OUT_OF_RANGE unless the offsets rise from 0 to `entries`, ids are below `rows` and values are finite.
void checkBags(const Bags& bags, size_t rows);

// Throws WIDEHEAD_OUT_OF_RANGE that names the first value of x that is NaN or infinite.
void requireFinite(const char* name, const float* x, size_t count);

}  // namespace widehead
