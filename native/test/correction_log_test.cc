// The correction log and the store of rows above it, against a plain replay of every correction in float64.

#include <algorithm>
#include <cstdio>

#include "check.h"

#include "base/pool.h"
#include "exact/row_store.h"

#if defined(__linux__)
#include <unistd.h>
#endif

namespace {

using widehead::CorrectionLog;
using widehead::RowStore;

// As a step writes a row that it has gathered.
void write(RowStore& store, uint32_t id, const float* row) {
  std::copy_n(row, store.features(), store.raw(id));
  store.markWritten(id);
}

constexpr size_t kFeatures = 12;

// One append: entries that act at once, then a scale.
struct Group {
  std::vector<std::vector<float>> y, z;
  std::vector<float> coefficient;
  float scale = 1;

  void apply(std::vector<double>& row) const {
    std::vector<double> dots(y.size());
    for (size_t i = 0; i < y.size(); i++) {
      for (size_t j = 0; j < row.size(); j++) dots[i] += row[j] * y[i][j];
    }
    for (size_t i = 0; i < y.size(); i++) {
      for (size_t j = 0; j < row.size(); j++) row[j] -= coefficient[i] * dots[i] * z[i][j];
    }
    for (double& x : row) x *= scale;
  }

  void appendTo(CorrectionLog& log) const {
    std::vector<CorrectionLog::Entry> entries;
    for (size_t i = 0; i < y.size(); i++) entries.push_back({y[i].data(), z[i].data(), coefficient[i]});
    log.append(entries, scale);
  }
};

std::vector<double> unit(uint64_t seed, const std::vector<double>* orthogonalTo = nullptr) {
  std::vector<double> x(kFeatures);
  double norm = 0, overlap = 0;
  for (size_t j = 0; j < kFeatures; j++) x[j] = widehead::randomNormal(seed, j);
  for (size_t j = 0; orthogonalTo != nullptr && j < kFeatures; j++) overlap += x[j] * (*orthogonalTo)[j];
  for (size_t j = 0; orthogonalTo != nullptr && j < kFeatures; j++) x[j] -= overlap * (*orthogonalTo)[j];
  for (double value : x) norm += value * value;
  for (double& value : x) value /= std::sqrt(norm);
  return x;
}

std::vector<float> combine(double a, const std::vector<double>& x, double b, const std::vector<double>& y) {
  std::vector<float> sum(x.size());
  for (size_t j = 0; j < x.size(); j++) sum[j] = static_cast<float>(a * x[j] + b * y[j]);
  return sum;
}

// Corrections that keep the lengths of rows, so that errors stay comparable after thousands of them: reflections, and
// rotations of a plane (two joined entries with y != z, which are no rotation unless they act at once). Every fifth
// scales, in turn down and up.
Group randomGroup(uint64_t number) {
  Group group;
  const std::vector<double> a = unit(2 * number), b = unit(2 * number + 1, &a);
  if (number % 3 == 0) {
    const double angle = 6 * widehead::randomUniform(77, number), cosine = std::cos(angle), sine = std::sin(angle);
    group.y = {combine(1, a, 0, b), combine(0, a, 1, b)};
    group.z = {combine(1 - cosine, a, -sine, b), combine(sine, a, 1 - cosine, b)};
    group.coefficient = {1, 1};
  } else {
    group.y = group.z = {combine(1, a, 0, b)};
    group.coefficient = {2};
  }
  if (number % 5 == 0) group.scale = number % 10 == 0 ? 0.25f : 4.0f;
  return group;
}

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

// How much work an append is given.
enum class Pace { None, OneRow, Asked, Random };

void work(CorrectionLog& log, Pace pace, uint64_t entries, uint64_t number) {
  if (pace == Pace::OneRow) log.work(1);
  if (pace == Pace::Asked) log.work(entries * log.pace());
  if (pace == Pace::Random) log.work(static_cast<size_t>(3 * kFeatures * widehead::randomUniform(5, number)));
}

constexpr Pace kPaces[] = {Pace::None, Pace::OneRow, Pace::Asked, Pace::Random};

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

TEST(storedRowsEqualTheReplayAndTheLogStaysShort) {
  constexpr size_t kRows = 300, kTouched = 9, kStretch = 4, kSweep = 5;  // a round takes 60 appends
  widehead::setThreads(2);
  RowStore store(kRows, kFeatures, kStretch);
  std::vector<std::vector<double>> rows(kRows, std::vector<double>(kFeatures));
  std::vector<float> packed(kRows * kFeatures);
  std::vector<uint32_t> order;
  size_t longest = 0;
  for (uint64_t step = 0; step < 3000; step++) {
    // Rows 200 and above are never written, but they are read; low ones are touched more often.
    std::vector<uint32_t> classes;
    for (size_t i = 0; i < kTouched; i++) {
      const double draw = widehead::randomUniform(9, step * kTouched + i);
      const uint32_t id = static_cast<uint32_t>(draw * draw * 200);
      if (std::find(classes.begin(), classes.end(), id) == classes.end()) classes.push_back(id);
    }
    store.gather(packed.data(), order, classes.data(), classes.size());
    std::vector<uint32_t> written;
    for (size_t i = 0; i < classes.size(); i++) {
      written.push_back(classes[order[i]]);
      for (size_t j = 0; j < kFeatures; j++) {
        // Half of what the row was and something new: errors do not pile up for ever.
        float& value = packed[i * kFeatures + j];
        const double fresh = widehead::randomNormal(step, i * kFeatures + j);
        CHECK_NEAR(value, rows[written[i]][j], 3e-5);
        value = static_cast<float>(0.5 * value + fresh);
        rows[written[i]][j] = 0.5 * rows[written[i]][j] + fresh;
      }
    }
    for (size_t i = 0; i < written.size(); i++) write(store, written[i], &packed[i * kFeatures]);
    const Group group = randomGroup(step);
    const uint64_t before = store.log().end();
    group.appendTo(store.log());
    for (auto& row : rows) group.apply(row);
    work(store.log(), kPaces[step / 100 % 4], store.log().end() - before, step);
    store.sweep(kSweep);
    longest = std::max(longest, store.log().liveStretches());
  }
  // Two rounds of 60 appends, 4 entries in 3 of them.
  CHECK(longest <= 2 * 60 * 4 / 3 / kStretch + 3);
  std::vector<uint32_t> all(kRows);
  for (uint32_t r = 0; r < kRows; r++) all[r] = kRows - 1 - r;
  store.gather(packed.data(), order, all.data(), kRows);
  for (size_t i = 0; i < kRows; i++) {
    const uint32_t r = all[order[i]];
    for (size_t j = 0; j < kFeatures; j++) CHECK_NEAR(packed[i * kFeatures + j], rows[r][j], 3e-5);
    CHECK(store.written(r) == (r < 200));
    if (r >= 200) CHECK(store.behind(r) == 0 && packed[i * kFeatures] == 0);
  }
}

#if defined(__linux__)
TEST(rowsNeverWrittenCostNoMemory) {
  const auto resident = [] {
    long size = 0, pages = 0;
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr || std::fscanf(file, "%ld %ld", &size, &pages) != 2) pages = 0;
    if (file != nullptr) std::fclose(file);
    return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
  };
  constexpr size_t kRows = 2000000;  // 512 MB
  RowStore store(kRows, 64, 8);
  const double before = resident();
  const std::vector<float> x(64, 0.125f), row(64, 1.0f);
  const uint32_t id = 1234567;
  write(store, id, row.data());
  for (size_t i = 0; i < 40; i++) {
    store.log().append({{x.data(), x.data(), 2.0f}});
    store.sweep(kRows / 10);
  }
  std::vector<float> out(64);
  std::vector<uint32_t> order;
  store.gather(out.data(), order, &id, 1);
  CHECK(out[0] == 1.0f);  // reflected 40 times
  CHECK(resident() - before < 64e6);
}
#endif

TEST_MAIN
