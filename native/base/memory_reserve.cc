#include "base/memory_reserve.h"

#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

namespace widehead {

namespace {

// All reserves that are open, and the handler that `new` called before the first of them. The handler is ours only as long as there are
// any: it is the whole process's, and this library may be unloaded.
std::mutex opening;
MemoryReserve::Open* firstOpen = nullptr;
std::new_handler handlerBefore = nullptr;
// Reserves given back so far, and how many of them this thread has tried again after: another's may have come after it had failed.
uint64_t given = 0;
thread_local uint64_t triedAfter = 0;

}  // namespace

// Gives a reserve back to the system unless one was that this thread has not tried after; false if none is left.
bool giveBackReserve() noexcept {
  const std::lock_guard<std::mutex> lock(opening);
  if (triedAfter == given) {
    MemoryReserve::Open* open = firstOpen;
    while (open != nullptr && open->reserve_.bytes() == 0) open = open->next_;
    if (open == nullptr) return false;
    const Buffer<unsigned char> block(std::move(open->reserve_.block_));
    given++;
  }
  triedAfter = given;
  return true;
}

namespace {

// `new` tries again after it returns.
void onNoMemory() {
  if (giveBackReserve()) return;
  std::new_handler before;
  {
    const std::lock_guard<std::mutex> lock(opening);
    before = handlerBefore;
  }
  if (before == nullptr) throw std::bad_alloc();
  before();
}

}  // namespace

MemoryReserve::Open::Open(MemoryReserve& reserve) noexcept : reserve_(reserve) {
  const std::lock_guard<std::mutex> lock(opening);
  if (firstOpen == nullptr) handlerBefore = std::set_new_handler(onNoMemory);
  next_ = firstOpen;
  firstOpen = this;
}

MemoryReserve::Open::~Open() {
  const std::lock_guard<std::mutex> lock(opening);
  for (Open** at = &firstOpen;; at = &(*at)->next_) {
    if (*at != this) continue;
    *at = next_;
    break;
  }
  if (firstOpen == nullptr && std::get_new_handler() == onNoMemory) std::set_new_handler(handlerBefore);
}

}  // namespace widehead
