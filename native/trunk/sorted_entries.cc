#include "trunk/sorted_entries.h"

#include <algorithm>
#include <utility>

namespace widehead {
namespace {

constexpr unsigned kDigitBits = 11;  // 2048 counters: 8 KiB, a quarter of the first-level cache
constexpr size_t kDigits = size_t{1} << kDigitBits;

// Up to this many, clearing and adding up the counters costs more than the sort.
constexpr size_t kFew = 64;

unsigned passesFor(size_t rows) {
  unsigned passes = 1;
  while ((rows - 1) >> (passes * kDigitBits)) ++passes;
  return passes;
}

size_t digit(uint64_t key, unsigned pass) { return (key >> (32 + pass * kDigitBits)) & (kDigits - 1); }

}  // namespace

void SortedEntries::sort(const uint32_t* ids, size_t count, size_t rows) {
  count_ = count;
  keys_.reserve(count);
  other_.reserve(count);
  for (size_t i = 0; i < count; ++i) keys_[i] = uint64_t{ids[i]} << 32 | i;
  if (count <= kFew) return std::sort(keys_.data(), keys_.data() + count);  // keys differ: their places are in them

  for (unsigned pass = 0; pass < passesFor(rows); ++pass) {
    uint32_t* starts = starts_.zeros(kDigits);
    for (size_t i = 0; i < count; ++i) ++starts[digit(keys_[i], pass)];
    uint32_t start = 0;
    for (size_t value = 0; value < kDigits; ++value) start += std::exchange(starts[value], start);
    for (size_t i = 0; i < count; ++i) other_[starts[digit(keys_[i], pass)]++] = keys_[i];
    std::swap(keys_, other_);
  }
}

}  // namespace widehead
