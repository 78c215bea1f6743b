// The pool's workers, the jobs that are dealt to them, and how many threads there are.

#include "base/pool.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "base/sleeper.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#include <pthread.h>
#endif

namespace widehead {
namespace {

constexpr size_t kMaxThreads = 1024;

struct Part {
  size_t begin, end;
};

Part partOf(size_t count, size_t parts, size_t index) {
  const size_t each = count / parts, extra = count % parts;
  const size_t begin = index * each + std::min(index, extra);
  return {begin, begin + each + (index < extra ? 1 : 0)};
}

// The workers first .. first + count - 1 of the pool: those that a thread may hand work to.
struct Team {
  size_t first, count;
};

// Null for a thread that is in no body: it may have the whole pool if nobody else has it.
thread_local const Team* ownTeam = nullptr;
constexpr Team kNobody{0, 0};
thread_local Sleeper* ownSleeper = nullptr;  // null for threads that are not the pool's

// Parts are `stride` threads apart: part 0 is the caller's, and each may hand work on to the stride - 1 workers behind its own.
struct Job {
  FunctionRef<void(size_t, size_t)> body;
  size_t count, parts;
  Team team;
  size_t stride;
  Sleeper* caller;  // sleeps until none remains
  std::atomic<size_t> remaining;
  std::atomic<bool> failed{false};
  std::exception_ptr error{};  // the first, of whichever part

  size_t workerOf(size_t index) const { return team.first + index * stride - 1; }
  Team innerTeam(size_t index) const {
    return {team.first + index * stride, std::min(stride, team.count + 1 - index * stride) - 1};
  }
};

struct alignas(64) Worker {
  std::atomic<Job*> job{nullptr};
  Sleeper sleeper;
};

class Pool {
 public:
  // Runs every part of the job: part w + 1 on worker w of the team, part 0 here, and here also what has no worker or what a
  // worker has not begun by then (it slept, or another process has its core): the slot is the claim, whoever empties it runs
  // the part. Which thread runs a part never shows in a result.
  void run(Job& job) {
    job.remaining.store(job.parts - 1);
    for (size_t index = 1; index < job.parts; ++index) {
      Worker& worker = *workers_[job.workerOf(index)];
      worker.job.store(&job);
      worker.sleeper.wake();
    }
    runPart(job, 0);
    for (size_t index = 1; index < job.parts; ++index) {
      Job* unclaimed = &job;
      if (!workers_[job.workerOf(index)]->job.compare_exchange_strong(unclaimed, nullptr)) continue;
      runPart(job, index);
      job.remaining.fetch_sub(1);
    }
    job.caller->wait([&job] { return job.remaining.load() == 0; });
    if (job.failed.load()) std::rethrow_exception(job.error);
  }

  std::mutex busy;
  Sleeper owner;  // of the thread that holds `busy`

  // How many workers there are, `wanted` if the system gives them. Only the holder of `busy` may ask.
  size_t grow(size_t wanted) {
    while (workers_.size() < wanted) {
      // The system gives no more threads, or no memory for them: the rest do all the work.
      try {
        workers_.push_back(std::make_unique<Worker>());
      } catch (const std::bad_alloc&) {
        break;
      }
      try {
        Worker* worker = workers_.back().get();
        std::thread(&Pool::loop, this, worker, workers_.size()).detach();
      } catch (const std::exception&) {
        workers_.pop_back();
        break;
      }
    }
    return workers_.size();
  }

 private:
  // Does not throw: a worker would end the process, and the caller leave the job while others have parts of it.
  static void runPart(Job& job, size_t index) noexcept {
    const Part part = partOf(job.count, job.parts, index);
    const Team inner = job.innerTeam(index);
    const Team* const outer = ownTeam;
    ownTeam = &inner;
    try {
      job.body(part.begin, part.end);
    } catch (...) {
      if (!job.failed.exchange(true)) job.error = std::current_exception();
    }
    ownTeam = outer;
  }

  // index counts from 1.
  void loop(Worker* worker, size_t index) {
    ownSleeper = &worker->sleeper;
    for (;;) {
      worker->sleeper.wait([worker] { return worker->job.load() != nullptr; });
      Job* job = worker->job.exchange(nullptr);
      if (job == nullptr) continue;
      runPart(*job, (index - job->team.first) / job->stride);
      // The job lies on the caller's stack and is gone as soon as the count is 0.
      Sleeper* const caller = job->caller;
      if (job->remaining.fetch_sub(1) == 1) caller->wake();
    }
  }

  std::vector<std::unique_ptr<Worker>> workers_;
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

// Hands parts to the calling thread's team, or to the whole pool if it is in none and the pool is free.
void runParts(size_t count, size_t parts, size_t stride, FunctionRef<void(size_t, size_t)> body) {
  Job job{body, count, parts, {0, 0}, stride, ownSleeper, {0}};
  if (ownTeam != nullptr) {
    job.team = *ownTeam;
    if (job.caller == nullptr) job.caller = &pool().owner;
    return pool().run(job);
  }
  Pool& shared = pool();
  std::unique_lock<std::mutex> lock(shared.busy, std::try_to_lock);
  if (!lock.owns_lock()) return body(0, count);
  job.team = {0, std::min(shared.grow(threads() - 1), threads() - 1)};
  job.stride = std::min(stride, job.team.count + 1);
  job.parts = std::min(parts, (job.team.count + job.stride) / job.stride);
  job.caller = &shared.owner;
  shared.run(job);
}

}  // namespace

OneThread::OneThread(bool small) : team_(ownTeam) {
  if (small) ownTeam = &kNobody;
}

OneThread::~OneThread() { ownTeam = static_cast<const Team*>(team_); }

// Without sleep: what it waits for is on its way.
void Gate::wait() const {
  while (!spinUntil([this] { return open_.load(std::memory_order_acquire); })) std::this_thread::yield();
}

size_t threads() { return threadCount().load(std::memory_order_relaxed); }

size_t teamThreads() { return ownTeam == nullptr ? threads() : ownTeam->count + 1; }

void setThreads(size_t count) { threadCount().store(std::clamp<size_t>(count, 1, kMaxThreads)); }

void parallelFor(size_t count, size_t grain, FunctionRef<void(size_t, size_t)> body) {
  if (count == 0) return;
  const size_t parts = std::clamp<size_t>(count / std::max<size_t>(grain, 1), 1, teamThreads());
  if (parts == 1) return body(0, count);
  runParts(count, parts, 1, body);
}

void inParallel(FunctionRef<void()> first, FunctionRef<void()> second) {
  const size_t available = teamThreads();
  if (available == 1) {
    first();
    return second();
  }
  std::exception_ptr errors[2];
  const auto guarded = [&errors](size_t index, FunctionRef<void()> body) {
    try {
      body();
    } catch (...) {
      errors[index] = std::current_exception();
    }
  };
  runParts(2, 2, (available + 1) / 2, [&](size_t begin, size_t end) {
    if (begin == 0) guarded(0, first);
    if (end == 2) guarded(1, second);
  });
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace widehead
