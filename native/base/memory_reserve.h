// Memory that is set aside before something begins that must not end half way for want of it.
//
// What a step allocates once it has begun to change weights is small and spread over many places, threads' scratch among them. None of
// them has to know: while a reserve is open, an allocation by `new` (and so by Buffer) that finds no memory, of whatever thread, gives the
// reserve back to the system and is tried again. A reserve is not written to, and takes addresses rather than memory where
// the system gives memory out late.
#pragma once

#include <cstddef>

#include "base/buffer.h"

namespace widehead {

class MemoryReserve {
 public:
  // At least so many bytes are held from here on, and some more, so that what grows slowly is not asked for again and again. Throws
  // Error WIDEHEAD_OUT_OF_MEMORY.
  void hold(size_t bytes) {
    if (bytes > block_.capacity()) block_.reserve(bytes + bytes / 4);
  }
  size_t bytes() const { return block_.bytes(); }

  // As long as it lives, what is held is there for whoever needs it. Threads may have reserves open at the same time.
  class Open {
   public:
    explicit Open(MemoryReserve& reserve) noexcept;
    ~Open();
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;

   private:
    friend bool giveBackReserve() noexcept;
    MemoryReserve& reserve_;
    Open* next_;
  };

 private:
  friend bool giveBackReserve() noexcept;
  Buffer<unsigned char> block_;
};

}  // namespace widehead
