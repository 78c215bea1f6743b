// Counts how often ids come up, in memory that grows with the ids seen and not with all there are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/buffer.h"
#include "base/prefetch.h"

namespace widehead {

inline void prefetchLine(const void* x) { prefetchFloats(static_cast<const float*>(x), 1); }

class IdCounter {
 public:
  // Forgets everything. At most `most` different ids below numIds will be added.
  void start(size_t most, size_t numIds) {
    most = std::min(most, numIds);
    size_t wanted = 64;
    while (wanted < 2 * most && wanted < numIds) wanted *= 2;
    // Every id its own slot: an array is better than a table half the size.
    direct_ = wanted >= numIds;
    mask_ = direct_ ? SIZE_MAX : wanted - 1;
    const size_t size = direct_ ? numIds : wanted;
    if (size > slots_.capacity() || epoch_ == UINT32_MAX) {
      slots_.zeros(std::max(size, slots_.capacity()));
      epoch_ = 0;
    }
    epoch_++;
    found_.reserve(most);
    size_ = 0;
  }

  bool has(uint32_t id) const {
    for (size_t slot = slotOf(id); slots_[slot].epoch == epoch_; slot = (slot + 1) & mask_) {
      if (found_[slots_[slot].place].id == id) return true;
    }
    return false;
  }

  // How often the id has come up, this time included.
  uint32_t add(uint32_t id) {
    size_t slot = slotOf(id);
    while (slots_[slot].epoch == epoch_) {
      if (found_[slots_[slot].place].id == id) return ++found_[slots_[slot].place].count;
      slot = (slot + 1) & mask_;
    }
    slots_[slot] = {epoch_, static_cast<uint32_t>(size_)};
    found_[size_++] = {id, 1};
    return 1;
  }

  // Asks for the memory that add(id) will need.
  void prefetch(uint32_t id) const { prefetchLine(&slots_[slotOf(id)]); }

  // The different ids in the order in which they first came up.
  size_t size() const { return size_; }
  uint32_t id(size_t i) const { return found_[i].id; }
  uint32_t count(size_t i) const { return found_[i].count; }

  size_t bytes() const { return slots_.bytes() + found_.bytes(); }

 private:
  size_t slotOf(uint32_t id) const { return direct_ ? id : (id * 0x9E3779B1u) & mask_; }

  struct Slot {
    uint32_t epoch, place;
  };
  struct Found {
    uint32_t id, count;
  };
  Buffer<Slot> slots_;
  Buffer<Found> found_;
  size_t size_ = 0, mask_ = 0;
  uint32_t epoch_ = 0;
  bool direct_ = false;
};

}  // namespace widehead
