// How a thread waits for another: spinning for a moment, then asleep.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace widehead {

// Long enough to bridge the gap between two products of a training step (waking a sleeper takes 25 us, a spinning worker
// 0.5 us), short enough not to be seen in `top`.
inline constexpr auto kSpin = std::chrono::microseconds(200);

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
  __asm__ __volatile__("yield");
#else
  std::this_thread::yield();
#endif
}

// Polls `ready` for about kSpin.
template <class Ready>
bool spinUntil(Ready ready) {
  const auto limit = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < limit);
  return ready();
}

// A flag one thread sleeps on. The sleeper announces itself before it looks at the condition for the last time, the
// waker changes the condition before it looks for a sleeper (both sequentially consistent): one of them sees the other,
// so that no wake-up is lost and nobody pays for a lock while the other side spins.
class Sleeper {
 public:
  template <class Ready>
  void wait(Ready ready) {
    if (spinUntil(ready)) return;
    std::unique_lock<std::mutex> lock(mutex_);
    asleep_.store(true);
    wake_.wait(lock, ready);
    asleep_.store(false);
  }
  void wake() {
    if (!asleep_.load()) return;
    std::lock_guard<std::mutex> lock(mutex_);
    wake_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> asleep_{false};
};

}  // namespace widehead
