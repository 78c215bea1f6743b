#include "comm/communicator.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace widehead {

namespace {

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Communicator::Communicator(size_t rank, size_t size)
    : rank_(rank), size_(size), missing_(std::make_unique<std::atomic<bool>[]>(size)) {
  for (size_t r = 0; r < size; r++) missing_[r] = false;
}

void Communicator::exchange(const std::vector<Outgoing>& outgoing, const std::vector<Incoming>& incoming) {
  checkStopped();
  for (size_t r = 0; r < size_; r++) {
    if (r == rank_) continue;
    missing_[r].store(true, std::memory_order_relaxed);
    bytesSent_ += outgoing[r].bytes;
  }
  exchanges_++;
  waitingSince_ = now();
  struct Done {
    std::atomic<int64_t>& since;
    ~Done() { since = 0; }
  } done{waitingSince_};
  carry(outgoing, incoming);
}

Communicator::Waiting Communicator::waiting() const {
  Waiting result;
  const int64_t since = waitingSince_;
  if (since == 0) return result;
  result.seconds = static_cast<double>(now() - since) / 1e9;
  for (size_t r = 0; r < size_; r++) {
    if (r != rank_ && missing_[r].load(std::memory_order_relaxed)) result.ranks.push_back(r);
  }
  return result;
}

void Communicator::stop(const std::string& message) {
  if (stopped_) return;
  reason_ = message;
  stopped_ = true;
}

void Communicator::checkStopped() const {
  if (stopped_) throw Error(ErrorKind::State, "WIDEHEAD_STALLED", reason_);
}

void Communicator::barrier() { exchange(std::vector<Outgoing>(size_), std::vector<Incoming>(size_)); }

void Communicator::allGather(void* data, const std::vector<size_t>& ends) {
  std::vector<Outgoing> outgoing(size_);
  std::vector<Incoming> incoming(size_);
  char* bytes = static_cast<char*>(data);
  const auto begin = [&](size_t r) { return r == 0 ? 0 : ends[r - 1]; };
  for (size_t r = 0; r < size_; r++) {
    outgoing[r] = {bytes + begin(rank_), ends[rank_] - begin(rank_)};
    incoming[r] = {bytes + begin(r), ends[r] - begin(r)};
  }
  exchange(outgoing, incoming);
}

template <class T, class Sum>
void Communicator::reduce(T* values, size_t count, Sum sum) {
  const auto begin = [&](size_t r) { return count * r / size_; };
  const size_t first = begin(rank_), own = begin(rank_ + 1) - first;
  std::vector<T> parts(size_ * own);
  std::vector<Outgoing> outgoing(size_);
  std::vector<Incoming> incoming(size_);
  std::vector<size_t> ends(size_);
  for (size_t r = 0; r < size_; r++) {
    outgoing[r] = {values + begin(r), (begin(r + 1) - begin(r)) * sizeof(T)};
    incoming[r] = {parts.data() + r * own, own * sizeof(T)};
    ends[r] = begin(r + 1) * sizeof(T);
  }
  exchange(outgoing, incoming);
  if (own > 0) std::memcpy(parts.data() + rank_ * own, values + first, own * sizeof(T));
  for (size_t i = 0; i < own; i++) values[first + i] = sum(&parts[i], own);
  allGather(values, ends);
}

template <class T>
void Communicator::reduceNumbers(T* values, size_t count) {
  reduce(values, count, [this](const T* parts, size_t stride) {
    double sum = 0;
    for (size_t r = 0; r < size_; r++) sum += static_cast<double>(parts[r * stride]);
    return static_cast<T>(sum);
  });
}

void Communicator::allReduceSum(float* values, size_t count) { reduceNumbers(values, count); }
void Communicator::allReduceSum(double* values, size_t count) { reduceNumbers(values, count); }

double Communicator::allReduceSum(double value) {
  std::vector<double> all(size_);
  std::vector<size_t> ends(size_);
  all[rank_] = value;
  for (size_t r = 0; r < size_; r++) ends[r] = (r + 1) * sizeof(double);
  allGather(all.data(), ends);
  double sum = 0;
  for (const double each : all) sum += each;
  return sum;
}

void Communicator::allReduceSum(LogSum* values, size_t count) {
  reduce(values, count, [this](const LogSum* parts, size_t stride) {
    LogSum all = {-std::numeric_limits<double>::infinity(), 0};
    for (size_t r = 0; r < size_; r++) {
      if (parts[r * stride].sum != 0) all.shift = std::max(all.shift, parts[r * stride].shift);
    }
    for (size_t r = 0; r < size_; r++) {
      const LogSum& part = parts[r * stride];
      if (part.sum != 0) all.sum += part.sum * std::exp(part.shift - all.shift);  // NaN stays NaN
    }
    return all;
  });
}

}  // namespace widehead
