// Rows kept above a correction log, against a plain replay of every correction in float64.

#include <algorithm>
#include <cstdio>

#include "base/pool.h"
#include "check.h"
#include "correction_log_reference.h"
#include "exact/row_store.h"

#if defined(__linux__)
#include <unistd.h>
#endif

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
