// A body on a thread a rank; an exception of any of them goes on once all have ended.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

inline void onRanks(size_t size, const std::function<void(size_t rank)>& body) {
  std::vector<std::thread> threads;
  std::vector<std::exception_ptr> faults(size);
  for (size_t r = 0; r < size; r++) {
    threads.emplace_back([&, r] {
      try {
        body(r);
      } catch (...) {
        faults[r] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& fault : faults) {
    if (fault) std::rethrow_exception(fault);
  }
}
