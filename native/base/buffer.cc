#include "base/buffer.h"

#include <cstdint>
#include <cstdio>
#include <new>

namespace widehead {
namespace {

constexpr size_t kAlignment = 64;  // a cache line, and the widest vector

[[noreturn]] void outOfMemory(size_t bytes) {
  char text[96];
  std::snprintf(text, sizeof text, "cannot allocate %llu bytes (%.1f GiB)", static_cast<unsigned long long>(bytes),
                static_cast<double>(bytes) / (1024.0 * 1024.0 * 1024.0));
  throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_MEMORY", text);
}

}  // namespace

void* allocateAligned(size_t bytes) {
  // Whole lines, so that a vector load of the last elements never leaves the allocation. The bound keeps pointer
  // differences inside ptrdiff_t and turns a wrapped size (Buffer passes SIZE_MAX) into an error.
  if (bytes > static_cast<size_t>(PTRDIFF_MAX) - kAlignment) outOfMemory(bytes);
  const size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  // By `new`, which asks who has memory to spare before it fails (memory_reserve.h).
  try {
    return ::operator new(rounded, std::align_val_t{kAlignment});
  } catch (const std::bad_alloc&) {
    outOfMemory(bytes);
  }
}

void freeAligned(void* memory) noexcept { ::operator delete(memory, std::align_val_t{kAlignment}); }

}  // namespace widehead
