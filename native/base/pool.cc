#include "base/pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#include <pthread.h>
#endif

namespace widehead {
namespace {

constexpr size_t kMaxThreads = 1024;
// Long enough to bridge the gap between two products of a training step (waking a sleeper takes 25 us, a spinning worker
// 0.5 us), short enough not to be seen in `top`.
constexpr auto kSpin = std::chrono::microseconds(200);

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

struct Part {
  size_t begin, end;
};

Part partOf(size_t count, size_t parts, size_t index) {
  const size_t each = count / parts, extra = count % parts;
  const size_t begin = index * each + std::min(index, extra);
  return {begin, begin + each + (index < extra ? 1 : 0)};
}

struct Job {
  const std::function<void(size_t, size_t)>* body;
  size_t count, parts;
  std::atomic<size_t> remaining;
};

thread_local bool insideBody = false;

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

struct alignas(64) Worker {
  std::atomic<Job*> job{nullptr};
  Sleeper sleeper;
};

class Pool {
 public:
  // Runs every part of the job: part w + 1 on worker w, part 0 here, and here also what has no worker or what a worker
  // has not begun by then (it slept, or another process has its core): the slot is the claim, whoever empties it runs
  // the part. Which thread runs a part never shows in a result.
  void run(Job& job) {
    const size_t helpers = std::min(job.parts - 1, grow(job.parts - 1));
    job.remaining.store(helpers);
    for (size_t w = 0; w < helpers; ++w) {
      workers_[w]->job.store(&job);
      workers_[w]->sleeper.wake();
    }
    runPart(job, 0);
    for (size_t index = helpers + 1; index < job.parts; ++index) runPart(job, index);
    for (size_t w = 0; w < helpers; ++w) {
      Job* unclaimed = &job;
      if (!workers_[w]->job.compare_exchange_strong(unclaimed, nullptr)) continue;
      runPart(job, w + 1);
      job.remaining.fetch_sub(1);
    }
    caller_.wait([&job] { return job.remaining.load() == 0; });
  }

  std::mutex busy;

 private:
  static void runPart(const Job& job, size_t index) {
    const Part part = partOf(job.count, job.parts, index);
    insideBody = true;
    (*job.body)(part.begin, part.end);
    insideBody = false;
  }

  size_t grow(size_t wanted) {
    while (workers_.size() < wanted) {
      try {
        workers_.push_back(std::make_unique<Worker>());
        Worker* worker = workers_.back().get();
        std::thread(&Pool::loop, this, worker, workers_.size()).detach();
      } catch (const std::system_error&) {
        // The system gives no more threads: the caller runs the parts that have none.
        workers_.pop_back();
        break;
      }
    }
    return workers_.size();
  }

  void loop(Worker* worker, size_t index) {
    for (;;) {
      worker->sleeper.wait([worker] { return worker->job.load() != nullptr; });
      Job* job = worker->job.exchange(nullptr);
      if (job == nullptr) continue;
      runPart(*job, index);
      // The job lies on the caller's stack and is gone as soon as the count is 0: wake through the pool alone.
      if (job->remaining.fetch_sub(1) == 1) caller_.wake();
    }
  }

  std::vector<std::unique_ptr<Worker>> workers_;
  Sleeper caller_;
};

// The workers are detached and the pool is never freed: at exit they sleep in memory that stays valid, and a process
// that forks gets a fresh pool in the child, where the threads do not exist.
std::atomic<Pool*> current{nullptr};

// Node unloads an addon with the last worker thread that used it, while our threads still stand in its code.
void pinLibrary() {
#if defined(_WIN32)
  HMODULE module;
  GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                     reinterpret_cast<LPCSTR>(&pinLibrary), &module);
#else
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&pinLibrary), &info) != 0 && info.dli_fname != nullptr)
    dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}

Pool& pool() {
  Pool* found = current.load(std::memory_order_acquire);
  if (found != nullptr) return *found;
  static std::once_flag once;
  std::call_once(once, [] {
    pinLibrary();
#if !defined(_WIN32)
    pthread_atfork(nullptr, nullptr, [] { current.store(nullptr); });
#endif
  });
  Pool* fresh = new Pool;
  if (current.compare_exchange_strong(found, fresh)) return *fresh;
  delete fresh;
  return *found;
}

size_t initialThreads() {
  const char* text = std::getenv("WIDEHEAD_THREADS");
  if (text != nullptr && *text >= '0' && *text <= '9') {
    char* end = nullptr;
    const unsigned long long asked = std::strtoull(text, &end, 10);
    if (*end == '\0' && asked >= 1) return static_cast<size_t>(std::min<unsigned long long>(asked, kMaxThreads));
  }
  return std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kMaxThreads);
}

std::atomic<size_t>& threadCount() {
  static std::atomic<size_t> count{initialThreads()};
  return count;
}

}  // namespace

size_t threads() { return threadCount().load(std::memory_order_relaxed); }

void setThreads(size_t count) { threadCount().store(std::clamp<size_t>(count, 1, kMaxThreads)); }

void parallelFor(size_t count, size_t grain, const std::function<void(size_t, size_t)>& body) {
  if (count == 0) return;
  const size_t parts = std::clamp<size_t>(count / std::max<size_t>(grain, 1), 1, threads());
  if (parts == 1) return body(0, count);
  if (!insideBody) {
    Pool& shared = pool();
    std::unique_lock<std::mutex> lock(shared.busy, std::try_to_lock);
    if (lock.owns_lock()) {
      Job job{&body, count, parts, {0}};
      return shared.run(job);
    }
  }
  for (size_t index = 0; index < parts; ++index) {
    const Part part = partOf(count, parts, index);
    body(part.begin, part.end);
  }
}

}  // namespace widehead
