// What an optimiser remembers between steps, as arrays that can be saved and put back.
#pragma once

#include <cstddef>
#include <cstdint>

namespace widehead {

struct StateArray {
  enum class Kind { Signed, NonNegative, Count };  // float32, float32, uint32

  const char* name;  // 'sums', 'means', ...
  Kind kind;
  bool perRow;  // one element a row of the matrix, or else one a parameter
  size_t count;
  void* data;  // zeros until a row is trained

  size_t bytes() const { return count * 4; }
};

}  // namespace widehead
