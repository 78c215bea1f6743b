#include "sampler.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include "base/pool.h"

namespace bench {

namespace {

// Work on one thread is measured by that thread's CPU time, which leaves out what other programs take from it; work on several
// threads by the wall clock.
double now() {
#if defined(CLOCK_THREAD_CPUTIME_ID)
  timespec used;
  if (widehead::threads() == 1 && clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) == 0) {
    return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
  }
#endif
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double time(const std::function<void()>& call, size_t calls) {
  const double start = now();
  for (size_t i = 0; i < calls; i++) call();
  return now() - start;
}

// Calls that fill a sample; warms up on the way.
size_t callsFor(const std::function<void()>& call, double seconds) {
  size_t calls = 1;
  call();
  for (double elapsed; (elapsed = time(call, calls)) < seconds && calls < size_t{1} << 24;) {
    const double missing = seconds / std::max(elapsed, 1e-9);
    calls = std::max(calls + 1, static_cast<size_t>(static_cast<double>(calls) * std::min(missing * 1.1, 10.0)));
  }
  return calls;
}

Summary summarise(std::vector<double> times, size_t calls) {
  std::sort(times.begin(), times.end());
  const auto quantile = [&](size_t quarter) {
    return times[(times.size() - 1) * quarter / 4] / static_cast<double>(calls);
  };
  return {quantile(2), quantile(1), quantile(3), times.size(), calls};
}

}  // namespace

std::vector<Summary> sample(const std::vector<Side>& sides, const Rigour& rigour) {
  std::vector<size_t> calls;
  for (const Side& side : sides) calls.push_back(callsFor(side.call, rigour.seconds));
  std::vector<std::vector<double>> times(sides.size());
  for (size_t round = 0; round < rigour.samples; round++) {
    for (size_t turn = 0; turn < sides.size(); turn++) {
      const size_t i = round % 2 == 0 ? turn : sides.size() - 1 - turn;
      // Brings the operands back into the caches and wakes the threads; a single long call does so itself.
      if (calls[i] > 1) sides[i].call();
      times[i].push_back(time(sides[i].call, calls[i]));
      if (widehead::threads() > 1) std::this_thread::sleep_for(std::chrono::duration<double>(sides[i].settle));
    }
  }
  std::vector<Summary> result;
  for (size_t i = 0; i < sides.size(); i++) result.push_back(summarise(times[i], calls[i]));
  return result;
}

}  // namespace bench
