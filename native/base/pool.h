// A persistent pool of threads, one for the process.
#pragma once

#include <atomic>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace widehead {

// A reference to a callable that outlives the call it is passed to. std::function would copy it, to the heap if it captures
// more than two words, and small steps are made of dozens of such calls.
template <class Signature>
class FunctionRef;
template <class... Arguments>
class FunctionRef<void(Arguments...)> {
 public:
  template <class Callable, class = std::enable_if_t<!std::is_same_v<std::decay_t<Callable>, FunctionRef>>>
  FunctionRef(Callable&& callable)  // NOLINT: implicit, as a parameter type
      : callable_(const_cast<void*>(static_cast<const void*>(&callable))), call_([](void* self, Arguments... arguments) {
          (*static_cast<std::remove_reference_t<Callable>*>(self))(std::forward<Arguments>(arguments)...);
        }) {}
  void operator()(Arguments... arguments) const { call_(callable_, std::forward<Arguments>(arguments)...); }

 private:
  void* callable_;
  void (*call_)(void*, Arguments...);
};

// Threads in use, the caller included; 1 and above. WIDEHEAD_THREADS or the number of cores at the start.
size_t threads();
void setThreads(size_t count);

// Threads that the caller can hand work to, itself included: threads(), or inside a body its share of them.
size_t teamThreads();

// Runs body(begin, end) over [0, count) cut into contiguous parts of at least `grain` items, no more than teamThreads(). The caller
// runs the first part. Inside a body, or while another thread holds the pool, the caller runs everything. If a body throws, the
// others still end, and one of the exceptions goes on.
void parallelFor(size_t count, size_t grain, FunctionRef<void(size_t begin, size_t end)> body);

// Runs two things at the same time, each with half of the threads: parallelFor inside them uses that half. One after the other
// with one thread. If one throws, the other still ends, and the exception goes on.
void inParallel(FunctionRef<void()> first, FunctionRef<void()> second);

// While it lives the thread that made it does everything itself, if `small`: handing work over takes longer than such work does.
class OneThread {
 public:
  explicit OneThread(bool small);
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  const void* team_;  // before
};

// Where the second body of inParallel waits for something that the first has done.
class Gate {
 public:
  // Opens it at the end of a block, also if that ends with an exception.
  class Opener {
   public:
    explicit Opener(Gate& gate) : gate_(gate) {}
    ~Opener() { gate_.open_.store(true, std::memory_order_release); }

   private:
    Gate& gate_;
  };
  void wait() const;

 private:
  std::atomic<bool> open_{false};
};

}  // namespace widehead
