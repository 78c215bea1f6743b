#include "trunk/bags.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/error.h"

namespace widehead {
namespace {

// Signed and unsigned arrays arrive as the same 32 bits; what is above 2^31 was negative, or nonsense.
std::string shown(uint32_t value) { return std::to_string(static_cast<int32_t>(value)); }

[[noreturn]] void outOfRange(const std::string& message) {
  throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE", message);
}

void checkOffsets(const Bags& bags) {
  if (bags.indptr[0] != 0) outOfRange("input.indptr[0] must be 0, got " + shown(bags.indptr[0]));
  for (size_t bag = 0; bag < bags.count; ++bag) {
    if (bags.end(bag) < bags.begin(bag) || bags.end(bag) > bags.entries) {
      outOfRange("input.indptr[" + std::to_string(bag + 1) + "] must be from " + std::to_string(bags.begin(bag)) +
                 " (the offset before it) to " + std::to_string(bags.entries) + " (the length of input.indices), got " +
                 shown(bags.indptr[bag + 1]));
    }
  }
  if (bags.end(bags.count - 1) != bags.entries) {
    outOfRange("the last offset of input.indptr must be " + std::to_string(bags.entries) +
               " (the length of input.indices), got " + std::to_string(bags.end(bags.count - 1)));
  }
}

// The good case is one pass without a branch; the culprit is looked for only when there is one.
void checkIds(const Bags& bags, size_t rows) {
  uint32_t largest = 0;
  for (size_t i = 0; i < bags.entries; ++i) largest = std::max(largest, bags.indices[i]);
  if (bags.entries == 0 || largest < rows) return;
  const uint32_t* end = bags.indices + bags.entries;
  const uint32_t* wrong = std::find_if(bags.indices, end, [=](uint32_t id) { return id >= rows; });
  outOfRange("input.indices[" + std::to_string(wrong - bags.indices) + "] must be from 0 to " +
             std::to_string(rows - 1) + ", got " + shown(*wrong));
}

uint32_t magnitudeBits(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits & 0x7fffffffu;
}

constexpr uint32_t kInfinityBits = 0x7f800000u;

}  // namespace

void requireFinite(const char* name, const float* x, size_t count) {
  uint32_t largest = 0;
  for (size_t i = 0; i < count; ++i) largest = std::max(largest, magnitudeBits(x[i]));
  if (largest < kInfinityBits) return;
  const float* wrong = std::find_if(x, x + count, [](float value) { return magnitudeBits(value) >= kInfinityBits; });
  const char* what = *wrong > 0 ? "Infinity" : *wrong < 0 ? "-Infinity" : "NaN";
  outOfRange(std::string(name) + "[" + std::to_string(wrong - x) + "] must be finite, got " + what);
}

void checkBags(const Bags& bags, size_t rows) {
  checkOffsets(bags);
  checkIds(bags, rows);
  if (bags.values) requireFinite("input.values", bags.values, bags.entries);
}

}  // namespace widehead
