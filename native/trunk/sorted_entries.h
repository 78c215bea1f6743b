// The entries of a minibatch in the order of their ids, so that each touched row has one owner.
//
// Entries of one id keep the order they came in: the sum of their gradients is the same for any number of threads.
// A radix sort of 11 bits a pass, two passes below 4 million ids, or a plain sort of a few entries; memory is kept between minibatches.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/buffer.h"

namespace widehead {

class SortedEntries {
 public:
  // ids: count values below rows; count below 2^32.
  void sort(const uint32_t* ids, size_t count, size_t rows);

  size_t count() const { return count_; }
  uint32_t id(size_t i) const { return static_cast<uint32_t>(keys_[i] >> 32); }
  uint32_t entry(size_t i) const { return static_cast<uint32_t>(keys_[i]); }

  // Where the run of equal ids that starts at i ends.
  size_t runEnd(size_t i) const {
    size_t end = i + 1;
    while (end < count_ && id(end) == id(i)) ++end;
    return end;
  }
  // The first run that starts at i or later.
  size_t runStart(size_t i) const {
    if (i == 0) return 0;
    while (i < count_ && id(i) == id(i - 1)) ++i;
    return i;
  }

 private:
  Buffer<uint64_t> keys_, other_;  // id in the upper half, entry in the lower
  Buffer<uint32_t> starts_;
  size_t count_ = 0;
};

}  // namespace widehead
