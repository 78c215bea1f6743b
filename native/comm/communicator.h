// Ranks that train one network together: processes under MPI, or threads in tests.
//
// There is one primitive, exchange(): every rank hands every other one some bytes. What heads and trunks use is made of it once, the
// same for all kinds, so that a sum has the same bits on all ranks whatever carries the bytes. With the sums' parts spread over
// the ranks, and messages between all pairs, a rank sends and receives no more than a ring would need, and it knows who has not come.
//
// All ranks make the same calls in the same order; between two calls that belong together a rank holds turn().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace widehead {

struct Outgoing {
  const void* data = nullptr;
  size_t bytes = 0;
};
struct Incoming {
  void* data = nullptr;
  size_t bytes = 0;
};

// The number exp(shift) * sum; sum 0: nothing, whatever the shift.
struct LogSum {
  double shift, sum;
};

class Communicator {
 public:
  Communicator(size_t rank, size_t size);
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  size_t rank() const { return rank_; }
  size_t size() const { return size_; }

  // outgoing[r] goes to rank r, incoming[r] is filled by rank r with as many bytes as it sends here; entries of the own rank are left
  // alone. Throws Error WIDEHEAD_DISTRIBUTED if a rank has left or its bytes do not fit, WIDEHEAD_STALLED after stop().
  void exchange(const std::vector<Outgoing>& outgoing, const std::vector<Incoming>& incoming);

  void barrier();
  // data holds a part of each rank, one after the other, that of rank r up to byte ends[r]: the own part is there before, all are after.
  void allGather(void* data, const std::vector<size_t>& ends);
  // Sums over all ranks, in the order of the ranks, by one rank each: the bits are the same everywhere.
  void allReduceSum(float* values, size_t count);
  void allReduceSum(double* values, size_t count);
  // Of one number each, in one exchange.
  double allReduceSum(double value);
  // The same of numbers that are held as LogSum: each has the largest shift of all ranks' parts then.
  void allReduceSum(LogSum* values, size_t count);

  // Ends all processes of the job with this code, as soon as may be. Nothing to do for threads.
  virtual void abort(int code) = 0;

  // For a watchdog on another thread: how long this rank has been waiting in exchange(), and for whom. No ranks: it does not wait.
  struct Waiting {
    double seconds = 0;
    std::vector<size_t> ranks;
  };
  Waiting waiting() const;
  // From any thread: exchange() fails from now on, also the one that is under way, with WIDEHEAD_STALLED and this message.
  void stop(const std::string& message);

  // Held over calls that belong together.
  std::mutex& turn() { return turn_; }

  // Numbers for what the ranks make together, one after the other.
  uint64_t nextNumber() { return ++numbers_; }

  // What this rank has sent to others so far, and in how many calls of exchange().
  uint64_t bytesSent() const { return bytesSent_; }
  uint64_t exchanges() const { return exchanges_; }

 protected:
  virtual void carry(const std::vector<Outgoing>& outgoing, const std::vector<Incoming>& incoming) = 0;
  // For carry(): what has come from whom, and whether to go on waiting (throws once stopped).
  void arrived(size_t rank) { missing_[rank].store(false, std::memory_order_relaxed); }
  void checkStopped() const;

 private:
  // sum(parts, stride): of a rank's part of a number after the other, `stride` apart.
  template <class T, class Sum>
  void reduce(T* values, size_t count, Sum sum);
  template <class T>
  void reduceNumbers(T* values, size_t count);

  const size_t rank_, size_;
  std::mutex turn_;
  std::atomic<int64_t> waitingSince_{0};          // nanoseconds of the steady clock; 0: not waiting
  std::unique_ptr<std::atomic<bool>[]> missing_;  // by rank
  std::atomic<bool> stopped_{false};
  std::string reason_;  // written before stopped_
  std::atomic<uint64_t> bytesSent_{0}, exchanges_{0}, numbers_{0};
};

}  // namespace widehead
