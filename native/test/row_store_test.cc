// Rows kept above a correction log, against a plain replay of every correction in float64.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "base/pool.h"
#include "check.h"
#include "correction_log_reference.h"
#include "exact/row_store.h"

#if defined(__linux__)
#include <unistd.h>
#endif

namespace {

// Allocations by `new` that still succeed; -1: all.
std::atomic<int> allocationsLeft{-1};

void* allocate(size_t bytes) {
  if (allocationsLeft >= 0 && allocationsLeft-- <= 0) {
    allocationsLeft = 0;
    throw std::bad_alloc();
  }
  void* memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return allocate(bytes); }
void* operator new[](size_t bytes) { return allocate(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace {

using namespace reference;
using widehead::RowStore;

// As a step writes a row that it has gathered.
void write(RowStore& store, uint32_t id, const float* row) {
  std::copy_n(row, store.features(), store.raw(id));
  store.markWritten(id);
}

}  // namespace

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

// The sweep and the log's products are part of a step that has been made: too little memory for them is no error of it, and no harm.
TEST(whatMemoryIsTooShortForWaits) {
  constexpr size_t kRows = 60, kStretch = 4;
  widehead::setThreads(1);
  RowStore store(kRows, kFeatures, kStretch), calm(kRows, kFeatures, kStretch);
  std::vector<float> packed(kRows * kFeatures), expected(kRows * kFeatures), row(kFeatures);
  std::vector<uint32_t> all(kRows), order;
  for (uint32_t r = 0; r < kRows; r++) all[r] = r;
  size_t failures = 0;
  for (uint64_t step = 0; step < 400; step++) {
    for (size_t j = 0; j < kFeatures; j++) row[j] = static_cast<float>(widehead::randomNormal(step, j));
    const Group group = randomGroup(step);
    for (RowStore* one : {&store, &calm}) {
      write(*one, static_cast<uint32_t>(step * 7 % kRows), row.data());
      group.appendTo(one->log());
    }
    // Every allocation of the two fails in its turn.
    allocationsLeft = static_cast<int>(step % 40);
    try {
      store.log().work(30);
      store.sweep(9);
    } catch (const std::exception&) {
      failures++;
    }
    allocationsLeft = -1;
    calm.log().work(30);
    calm.sweep(9);
  }
  CHECK(failures == 0);
  store.gather(packed.data(), order, all.data(), kRows);
  std::vector<float> rows(kRows * kFeatures);
  for (size_t i = 0; i < kRows; i++) std::copy_n(&packed[i * kFeatures], kFeatures, &rows[all[order[i]] * kFeatures]);
  calm.gather(packed.data(), order, all.data(), kRows);
  for (size_t i = 0; i < kRows; i++)
    std::copy_n(&packed[i * kFeatures], kFeatures, &expected[all[order[i]] * kFeatures]);
  for (size_t i = 0; i < rows.size(); i++) CHECK_NEAR(rows[i], expected[i], 1e-4 * (1 + std::fabs(expected[i])));
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
