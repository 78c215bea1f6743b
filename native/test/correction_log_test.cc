// The correction log against a plain replay of every correction in float64.

#include <algorithm>

#include "base/pool.h"
#include "check.h"
#include "correction_log_reference.h"

namespace {

using namespace reference;
using widehead::CorrectionLog;

// A log with rows born at many positions: what each was then, and what it has become.
struct Replay {
  Replay(size_t stretch, size_t every) : log(kFeatures, stretch), every(every) {}

  void append() {
    if (appended % every == 0) {
      const std::vector<float> row = check::normals(kFeatures, 1000000 + appended);
      born.push_back(row);
      positions.push_back(log.end());
      now.emplace_back(row.begin(), row.end());
    }
    const Group group = randomGroup(appended++);
    group.appendTo(log);
    for (std::vector<double>& row : now) group.apply(row);
  }

  // Rows `first` and later, brought up together.
  void compare(size_t first = 0) {
    const size_t count = born.size() - first;
    std::vector<float> rows;
    for (size_t r = first; r < born.size(); r++) rows.insert(rows.end(), born[r].begin(), born[r].end());
    log.bringUp(rows.data(), count, positions.data() + first);
    double worst = 0;
    for (size_t r = 0; r < count; r++) {
      for (size_t j = 0; j < kFeatures; j++) {
        worst = std::max(worst, std::fabs(rows[r * kFeatures + j] - now[first + r][j]));
      }
    }
    CHECK_NEAR(worst, 0, 3e-5);
  }

  // Forgets rows before `floor`, as RowStore does, and returns the first that is left.
  size_t forget(uint64_t floor) {
    log.dropBefore(floor);
    size_t first = 0;
    while (first < positions.size() && positions[first] < floor) first++;
    return first;
  }

  CorrectionLog log;
  const size_t every;
  uint64_t appended = 0;
  std::vector<std::vector<float>> born;
  std::vector<uint64_t> positions;
  std::vector<std::vector<double>> now;
};

}  // namespace

TEST(rowsOfEveryPositionCatchUpWhateverThePace) {
  for (const Pace pace : kPaces) {
    Replay replay(4, 1);
    for (uint64_t step = 0; step < 300; step++) {
      const uint64_t before = replay.log.end();
      replay.append();
      work(replay.log, pace, replay.log.end() - before, step);
      // Not only at boundaries: 7 is no multiple of the stretch.
      if (step % 7 == 0) replay.compare();
    }
  }
}

TEST(theTreeGrowsLevels) {
  for (const Pace pace : {Pace::OneRow, Pace::Asked}) {
    Replay replay(2, 20);  // 17 * 8 * 8 stretches make the fourth level
    for (uint64_t step = 0; step < 2500; step++) {
      const uint64_t before = replay.log.end();
      replay.append();
      work(replay.log, pace, replay.log.end() - before, step);
      if (step % 171 == 0) replay.compare();
    }
    CHECK(replay.log.liveStretches() > 17 * 64);
    replay.compare();
  }
}

TEST(aStretchOfOneAndAStretchThatNeverCloses) {
  for (const size_t stretch : {size_t{0}, size_t{1}, size_t{100000}}) {
    Replay replay(stretch, 3);
    for (uint64_t step = 0; step < 200; step++) {
      replay.append();
      work(replay.log, Pace::Random, 0, step);
      if (step % 13 == 0) replay.compare();
    }
    replay.compare();
  }
}

TEST(whatIsDroppedWasNotNeeded) {
  for (const Pace pace : kPaces) {
    for (const size_t round : {size_t{5}, size_t{64}, size_t{301}}) {
      Replay replay(4, 2);
      uint64_t floor = 0;
      size_t first = 0;
      for (uint64_t step = 0; step < 1000; step++) {
        const uint64_t before = replay.log.end();
        replay.append();
        work(replay.log, pace, replay.log.end() - before, step);
        if (step % round == 0) {
          first = replay.forget(floor);  // the end of a round lets go of what is older than its start
          floor = replay.log.end();
          replay.compare(first);
        }
      }
      first = replay.forget(floor);
      replay.compare(first);
      CHECK(replay.log.liveEntries() <= replay.log.end() - floor + 2 * 5);
    }
  }
}

TEST(thinAndThickCrowdsGiveTheSameRows) {
  // A row alone and rows in a crowd, on one thread or two, take the same hops; only products may round otherwise.
  for (const size_t threads : {size_t{1}, size_t{2}}) {
    widehead::setThreads(threads);
    Replay replay(4, 1);
    for (uint64_t step = 0; step < 200; step++) {
      replay.append();
      work(replay.log, Pace::Asked, 2, step);
    }
    for (size_t first = 0; first < 200; first += 9) replay.compare(first);
    for (size_t r = 0; r < 200; r += 17) {
      std::vector<float> row = replay.born[r];
      replay.log.bringUp(row.data(), 1, &replay.positions[r]);
      for (size_t j = 0; j < kFeatures; j++) CHECK_NEAR(row[j], replay.now[r][j], 3e-5);
    }
  }
}

TEST_MAIN
