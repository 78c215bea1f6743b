// Rows with optimisers: a step changes the rows it names, by the optimiser's rule, and no others.
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "heads/row_table.h"

using namespace widehead;

namespace {

constexpr size_t kRows = 50, kHidden = 7, kFeatures = 8;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
const InitConfig kNormal = {InitConfig::Normal, 0.3, 5, nullptr, nullptr};

OptimizerSettings settings(const char* kind, bool rowwise = false) { return {kind, rowwise, 0.9, 0.99, 1e-8}; }
const OptimizerSettings kAll[] = {settings("sgd"), settings("adagrad"), settings("adagrad", true), settings("adam")};

RowTable table(const OptimizerSettings& optimizer) { return {kRows, kHidden, kFeatures, kNormal, optimizer}; }

std::vector<float> copy(const RowTable& table) { return {table.row(0), table.row(0) + kRows * kFeatures}; }

}  // namespace

TEST(rows_start_as_they_should_and_are_gathered) {
  const RowTable rows = table(kAll[0]);
  std::vector<float> expected(kFeatures), out(3 * kFeatures);
  const uint32_t ids[] = {49, 0, 49};
  rows.gather(out.data(), ids, 3);
  for (size_t i = 0; i < 3; i++) {
    fillRow(expected.data(), ids[i], kNormal, kHidden, kFeatures);
    for (size_t j = 0; j < kFeatures; j++) CHECK(out[i * kFeatures + j] == expected[j]);
  }
  CHECK(rows.weights(3, 5).cols == kHidden && rows.weights(3, 5)(1, 2) == rows.range(3, 5)(1, 2));
}

TEST(a_shard_has_the_rows_of_its_classes) {
  for (const size_t rank : {0u, 1u, 2u}) {
    const Shard shard{rank, 3};
    const RowTable rows = {kRows, kHidden, kFeatures, kNormal, kAll[0], shard};
    CHECK(rows.rows() == (kRows + 2 - rank) / 3);
    std::vector<float> expected(kFeatures);
    for (size_t r = 0; r < rows.rows(); r++) {
      fillRow(expected.data(), 3 * r + rank, kNormal, kHidden, kFeatures);
      CHECK(std::equal(expected.begin(), expected.end(), rows.row(r)));
    }
  }
}

TEST(a_step_changes_the_named_rows_alone) {
  const uint32_t ids[] = {3, 20, 41};
  const std::vector<float> g = check::normals(3 * kFeatures, 1);
  for (const OptimizerSettings& optimizer : kAll) {
    RowTable rows = table(optimizer);
    const std::vector<float> before = copy(rows);
    rows.update(ids, 3, g.data(), {0.1, 0.5, kInfinity});
    for (size_t i = 0; i < kRows; i++) {
      const bool named = i == 3 || i == 20 || i == 41;
      for (size_t j = 0; j < kFeatures; j++) CHECK((rows.row(i)[j] != before[i * kFeatures + j]) == named);
    }
  }
}

TEST(sgd_decays_clips_and_tells_the_norm) {
  const uint32_t ids[] = {7, 9};
  const std::vector<float> g = check::normals(2 * kFeatures, 2);
  double norm = 0;
  for (float x : g) norm += double{x} * x;
  norm = std::sqrt(norm);
  for (double clip : {kInfinity, norm / 4}) {
    RowTable rows = table(kAll[0]);
    const std::vector<float> before = copy(rows);
    CHECK_NEAR(rows.update(ids, 2, g.data(), {0.2, 0.5, clip}), norm, 1e-6 * norm);
    const double rate = std::isinf(clip) ? 0.2 : 0.05;
    for (size_t k = 0; k < 2 * kFeatures; k++) {
      const size_t place = ids[k / kFeatures] * kFeatures + k % kFeatures;
      CHECK_NEAR(rows.row(0)[place], 0.9 * before[place] - rate * g[k], 1e-6);
    }
  }
}

TEST(ranges_and_lists_make_the_same_bits) {
  std::vector<uint32_t> ids(kRows);
  for (size_t i = 0; i < kRows; i++) ids[i] = static_cast<uint32_t>(i);
  for (const OptimizerSettings& optimizer : kAll) {
    RowTable list = table(optimizer), range = table(optimizer);
    for (int step = 0; step < 5; step++) {
      const std::vector<float> g = check::normals(kRows * kFeatures, 10 + static_cast<uint64_t>(step));
      const ApplyOptions options = {0.1, 0.01, 3};
      const RowStep both = rowStep(options, std::sqrt(squaredNorm(g.data(), g.size())));
      list.update(ids.data(), kRows, g.data(), options);
      range.updateRange(0, 20, g.data(), both);
      range.updateRange(20, kRows - 20, g.data() + 20 * kFeatures, both);
    }
    CHECK(copy(list) == copy(range));
  }
}

TEST(a_learning_rate_of_0_changes_nothing) {
  const uint32_t ids[] = {1};
  const std::vector<float> g = check::normals(kFeatures, 3);
  for (const OptimizerSettings& optimizer : kAll) {
    RowTable a = table(optimizer), b = table(optimizer);
    a.update(ids, 1, g.data(), {0, 3, kInfinity});
    CHECK(copy(a) == copy(b));
    for (RowTable* each : {&a, &b}) each->update(ids, 1, g.data(), {0.1, 0, kInfinity});
    CHECK(copy(a) == copy(b));
  }
}

TEST_MAIN
