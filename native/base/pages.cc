#include "base/pages.h"

#include <cstdint>
#include <string>

#include "base/error.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <sys/mman.h>
#endif

namespace widehead {

size_t elementCount(size_t a, size_t b) {
  if (b != 0 && a > SIZE_MAX / 8 / b) {
    throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_MEMORY",
                "out of memory: " + std::to_string(a) + " x " + std::to_string(b) + " weights");
  }
  return a * b;
}

void expectWhole(void* memory, size_t bytes) {
#ifdef MADV_HUGEPAGE
  // Only advice: a kernel without large pages answers with an error that changes nothing.
  if (memory != nullptr) madvise(memory, bytes, MADV_HUGEPAGE);
#else
  (void)memory;
  (void)bytes;
#endif
}

void* reservePages(size_t bytes, Fill fill) {
  if (bytes == 0) return nullptr;
#ifdef _WIN32
  (void)fill;  // large pages need a privilege there
  void* memory = VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
#else
  // Without MAP_NORESERVE: a table that can never fit is refused here and not by a kill in mid-training.
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) memory = nullptr;
  if (fill == Fill::Whole) expectWhole(memory, bytes);
#endif
  if (memory == nullptr) {
    throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_MEMORY",
                "out of memory: could not get " + std::to_string(bytes) + " bytes");
  }
  return memory;
}

void releasePages(void* memory, size_t bytes) noexcept {
  if (memory == nullptr) return;
#ifdef _WIN32
  (void)bytes;
  VirtualFree(memory, 0, MEM_RELEASE);
#else
  munmap(memory, bytes);
#endif
}

}  // namespace widehead
