// Asking for memory before it is needed: rows of a large table are each a wait for it.
#pragma once

#include <cstddef>

namespace widehead {

inline void prefetchFloats(const float* x, size_t count) {
#if defined(__GNUC__) || defined(__clang__)
  for (size_t i = 0; i < count; i += 16) __builtin_prefetch(x + i);
#else
  (void)x;
  (void)count;
#endif
}

}  // namespace widehead
