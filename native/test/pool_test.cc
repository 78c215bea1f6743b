#include "base/pool.h"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "check.h"

using namespace widehead;

TEST(parts_cover_the_range_once_and_in_order) {
  for (size_t threadCount : {1u, 2u, 3u, 8u}) {
    setThreads(threadCount);
    for (size_t count : {0u, 1u, 2u, 7u, 64u, 1001u})
      for (size_t grain : {0u, 1u, 3u, 100u}) {
        std::vector<std::atomic<int>> touched(count);
        std::atomic<size_t> parts{0}, smallest{SIZE_MAX};
        parallelFor(count, grain, [&](size_t begin, size_t end) {
          CHECK(begin < end && end <= count);
          parts++;
          size_t seen = smallest.load();
          while (end - begin < seen && !smallest.compare_exchange_weak(seen, end - begin)) {
          }
          for (size_t i = begin; i < end; ++i) touched[i]++;
        });
        for (auto& times : touched) CHECK(times == 1);
        CHECK(parts <= threadCount);
        if (parts > 1) CHECK(smallest >= std::max<size_t>(grain, 1));
      }
  }
}

TEST(the_partition_depends_on_sizes_alone) {
  setThreads(3);
  for (int round = 0; round < 50; ++round) {
    std::vector<size_t> ends(1000, 0);
    parallelFor(1000, 1, [&](size_t begin, size_t end) { ends[begin] = end; });
    CHECK(ends[0] == 334 && ends[334] == 667 && ends[667] == 1000);
  }
}

TEST(a_gate_lets_the_second_on_when_the_first_has_opened_it) {
  for (size_t count : {1u, 2u, 3u, 8u}) {
    setThreads(count);
    for (int repeat = 0; repeat < 200; repeat++) {
      Gate gate;
      int written = 0, read = 0;
      inParallel(
          [&] {
            const Gate::Opener opener(gate);
            written = repeat + 1;
          },
          [&] {
            gate.wait();
            read = written;
          });
      CHECK(read == repeat + 1);
    }
    Gate gate;
    bool passed = false, caught = false;
    try {
      inParallel(
          [&] {
            const Gate::Opener opener(gate);
            throw std::runtime_error("first");
          },
          [&] {
            gate.wait();
            passed = true;
          });
    } catch (const std::runtime_error&) {
      caught = true;
    }
    CHECK(caught);
    CHECK(passed || count == 1);  // one after the other, the second does not begin
  }
  setThreads(4);
}

TEST(small_work_stays_on_the_thread_that_has_it) {
  setThreads(4);
  for (bool small : {false, true}) {
    const OneThread oneThread(small);
    CHECK(teamThreads() == (small ? 1u : 4u));
    std::atomic<size_t> parts{0};
    parallelFor(100, 1, [&](size_t, size_t) { parts++; });
    CHECK(parts == (small ? 1u : 4u));
  }
  CHECK(teamThreads() == 4);
}

TEST(two_things_at_once_share_the_threads) {
  for (size_t count : {1u, 2u, 3u, 7u}) {
    setThreads(count);
    size_t inside[2] = {0, 0};
    std::vector<int> hits[2] = {std::vector<int>(1000), std::vector<int>(1000)};
    for (int round = 0; round < 200; ++round) {
      const auto task = [&](size_t which) {
        inside[which] = teamThreads();
        parallelFor(1000, 1, [&](size_t begin, size_t end) {
          CHECK(teamThreads() == 1);
          for (size_t i = begin; i < end; ++i) hits[which][i]++;
        });
        inParallel([] {}, [] {});
      };
      inParallel([&] { task(0); }, [&] { task(1); });
    }
    CHECK(count == 1 ? inside[0] == 1 && inside[1] == 1 : inside[0] + inside[1] == count);
    for (const auto& list : hits)
      for (int hit : list) CHECK(hit == 200);
  }
  bool ended = false, caught = false;
  try {
    inParallel([] { throw std::runtime_error("first"); }, [&] { ended = true; });
  } catch (const std::runtime_error&) {
    caught = true;
  }
  CHECK(caught);
  CHECK(ended || threads() == 1);
  setThreads(2);
}

TEST(an_exception_of_any_part_reaches_the_caller_when_the_others_have_ended) {
  for (size_t thrower = 0; thrower < 4; ++thrower) {
    setThreads(4);
    std::atomic<size_t> ended{0};
    std::string said;
    try {
      parallelFor(4, 1, [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) {
          if (i == thrower) throw std::runtime_error("part " + std::to_string(i));
          ended++;
        }
      });
    } catch (const std::runtime_error& error) {
      said = error.what();
    }
    CHECK(said == "part " + std::to_string(thrower));
    CHECK(ended == 3);
    std::atomic<size_t> sum{0};
    parallelFor(100, 1, [&](size_t begin, size_t end) { sum += end - begin; });
    CHECK(sum == 100);
  }
}

TEST(nested_calls_run_in_the_caller) {
  setThreads(3);
  std::atomic<size_t> total{0}, strangers{0};
  parallelFor(30, 1, [&](size_t begin, size_t end) {
    const auto self = std::this_thread::get_id();
    for (size_t i = begin; i < end; ++i)
      parallelFor(10, 1, [&](size_t from, size_t to) {
        total += to - from;
        if (std::this_thread::get_id() != self) strangers++;
      });
  });
  CHECK(total == 300 && strangers == 0);
}

TEST(concurrent_callers_all_finish) {
  setThreads(3);
  std::atomic<size_t> total{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      for (int round = 0; round < 500; ++round)
        parallelFor(100, 1, [&](size_t begin, size_t end) { total += end - begin; });
    });
  for (std::thread& caller : callers) caller.join();
  CHECK(total == 4u * 500 * 100);
}

TEST(threads_shrink_and_grow) {
  for (size_t count : {4u, 1u, 6u, 2u}) {
    setThreads(count);
    CHECK(threads() == count);
    std::atomic<size_t> total{0};
    parallelFor(1000, 1, [&](size_t begin, size_t end) { total += end - begin; });
    CHECK(total == 1000);
  }
  setThreads(0);
  CHECK(threads() == 1);
  setThreads(2);
}

TEST(sleeping_workers_wake) {
  setThreads(2);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::atomic<size_t> total{0};
    parallelFor(2, 1, [&](size_t begin, size_t end) { total += end - begin; });
    CHECK(total == 2);
  }
}

TEST_MAIN
