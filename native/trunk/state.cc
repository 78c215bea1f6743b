#include "trunk/state.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/error.h"
#include "trunk/bags.h"

namespace widehead {

void checkState(const char* name, StateArray::Kind kind, const void* data, size_t count) {
  if (kind == StateArray::Kind::Count) return;
  const float* x = static_cast<const float*>(data);
  requireFinite(name, x, count);
  if (kind == StateArray::Kind::Signed) return;
  const float* wrong = std::find_if(x, x + count, [](float value) { return value < 0; });
  if (wrong == x + count) return;
  throw Error(
      ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE",
      std::string(name) + "[" + std::to_string(wrong - x) + "] must be at least 0, got " + std::to_string(*wrong));
}

void copyChanged(void* to, const void* from, size_t bytes) {
  constexpr size_t kPiece = 4096;  // a page of the system, mostly
  for (size_t at = 0; at < bytes; at += kPiece) {
    const size_t size = std::min(kPiece, bytes - at);
    char* target = static_cast<char*>(to) + at;
    const char* source = static_cast<const char*>(from) + at;
    if (std::memcmp(target, source, size) != 0) std::memcpy(target, source, size);
  }
}

}  // namespace widehead
