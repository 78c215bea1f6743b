// The approximate search: its parts, and what it finds.
#include <algorithm>
#include <numeric>
#include <set>

#include "base/pool.h"
#include "check.h"
#include "heads/softmax_head.h"
#include "heads/top_k.h"
#include "index/cells.h"
#include "index/head_index.h"

using namespace widehead;

namespace {

// Rows in clusters, as a trained head's lie.
std::vector<float> clusters(size_t rows, size_t n, size_t count, uint64_t seed) {
  const std::vector<float> centres = check::normals(count * n, seed);
  std::vector<float> values = check::normals(rows * n, seed + 1);
  for (size_t i = 0; i < values.size(); i++) values[i] = 0.5f * values[i] + centres[(i / n) % count * n + i % n];
  return values;
}

ProductIndex indexOf(const std::vector<float>& rows, size_t n, const ProductIndexSettings& settings) {
  const auto read = [&](float* out, size_t first, size_t count) { std::copy_n(&rows[first * n], count * n, out); };
  return ProductIndex(rows.size() / n, n, read, settings);
}

struct Found {
  std::vector<int32_t> ids;
  std::vector<float> products;
  bool operator==(const Found& other) const { return ids == other.ids && products == other.products; }
};

Found exactly(const std::vector<float>& rows, size_t n, const std::vector<float>& queries, size_t k) {
  const size_t m = queries.size() / n;
  Found found{std::vector<int32_t>(m * k), std::vector<float>(m * k)};
  const RowSearch search{
      rows.size() / n, ConstMatrixF(queries.data(), m, n),
      [&](size_t begin, size_t end, Buffer<float>&) { return ConstMatrixF(&rows[begin * n], end - begin, n); }};
  searchRows(found.ids.data(), found.products.data(), search, k, false);
  return found;
}

Found by(const ProductIndex& index, const std::vector<float>& queries, const ProductSearch& search) {
  const size_t m = queries.size() / index.features();
  Found found{std::vector<int32_t>(m * search.k), std::vector<float>(m * search.k)};
  index.search(found.ids.data(), found.products.data(), queries.data(), m, search);
  return found;
}

double recall(const Found& found, const Found& right, size_t k) {
  size_t hits = 0;
  for (size_t j = 0; j < right.ids.size(); j += k) {
    const std::set<int32_t> own(found.ids.begin() + static_cast<ptrdiff_t>(j),
                                found.ids.begin() + static_cast<ptrdiff_t>(j + k));
    CHECK(own.size() == k);
    for (size_t i = j; i < j + k; i++) hits += own.count(right.ids[i]);
  }
  return static_cast<double>(hits) / static_cast<double>(right.ids.size());
}

std::vector<float> near(const std::vector<float>& rows, size_t n, size_t count, uint64_t seed) {
  std::vector<float> queries = check::normals(count * n, seed);
  for (size_t j = 0; j < count; j++) {
    const size_t row = randomBits(seed, j) % (rows.size() / n);
    for (size_t i = 0; i < n; i++) queries[j * n + i] += rows[row * n + i];
  }
  return queries;
}

}  // namespace

TEST(a_rotation_keeps_products_and_spreads_numbers) {
  for (const size_t n : {1, 2, 3, 8, 13, 64, 129, 300}) {
    const Rotation rotation(n, 5);
    std::vector<float> x = check::normals(n, 1), y = check::normals(n, 2), spike(n);
    const double product = kernels().dotDouble(x.data(), y.data(), n);
    rotation.apply(x.data());
    rotation.apply(y.data());
    CHECK_NEAR(kernels().dotDouble(x.data(), y.data(), n), product, 1e-5 * static_cast<double>(n));
    spike[n / 2] = 1;
    rotation.apply(spike.data());
    CHECK_NEAR(kernels().dotDouble(spike.data(), spike.data(), n), 1, 1e-5);
    if (n < 64) continue;
    float most = 0;
    for (const float each : spike) most = std::max(most, std::fabs(each));
    CHECK(most < 0.5f);
  }
}

TEST(codes_give_products_about_right) {
  for (const size_t n : {1, 7, 8, 65, 200}) {
    std::vector<uint8_t> block(codeBytes(1, n));
    const std::vector<float> rows = check::normals(kCodeRows * n, 3), queries = check::normals(n, 4);
    std::vector<float> scales;
    for (size_t r = 0; r < kCodeRows; r++) scales.push_back(encodeRow(block.data(), r, &rows[r * n], n));
    CodedQuery query(n);
    query.assign(queries.data(), n);
    int32_t sums[kCodeRows];
    kernels().codeDots(sums, block.data(), 1, codeGroups(n), query.numbers.data());
    for (size_t r = 0; r < kCodeRows; r++) {
      const double right = kernels().dotDouble(&rows[r * n], queries.data(), n);
      const double length = std::sqrt(kernels().dotDouble(&rows[r * n], &rows[r * n], n) *
                                      kernels().dotDouble(queries.data(), queries.data(), n));
      const double estimate = scales[r] * query.scale * (static_cast<double>(sums[r]) - query.offset);
      // Errors of different numbers are independent: the more there are, the less is left of them.
      CHECK_NEAR(estimate, right, 0.5 * length / std::sqrt(static_cast<double>(n)));
    }
  }
  std::vector<uint8_t> block(codeBytes(1, 9));
  const std::vector<float> none(9);
  CHECK(encodeRow(block.data(), 3, none.data(), 9) == 0);
  CHECK(block == std::vector<uint8_t>(block.size()));
  CodedQuery query(9);
  query.assign(none.data(), 9);
  CHECK(query.scale == 0 && query.offset == 0);
}

TEST(cells_are_nearest_centres) {
  const size_t before = threads(), n = 10;
  const std::vector<float> values = clusters(3000, n, 12, 6);
  const ConstMatrixF rows(values.data(), 3000, n);
  std::vector<std::vector<uint32_t>> results;
  for (const size_t count : {1, 2, 3}) {
    setThreads(count);
    const Buffer<float> centres = trainCells(rows, 600, 1);
    std::vector<uint32_t> cellOf(3000);
    assignCells(cellOf.data(), rows, ConstMatrixF(centres.data(), 600, n));
    results.push_back(cellOf);
    CHECK(results.back() == results.front());
    for (size_t i = 0; i < 3000; i += 37) {
      const auto distance = [&](size_t c) {
        double sum = 0;
        for (size_t p = 0; p < n; p++) sum += std::pow(static_cast<double>(rows(i, p)) - centres[c * n + p], 2);
        return sum;
      };
      double least = distance(0);
      for (size_t c = 1; c < 600; c++) least = std::min(least, distance(c));
      CHECK_NEAR(distance(cellOf[i]), least, 1e-4);
    }
  }
  // One centre a cluster: nearly every cluster finds its own.
  const Buffer<float> few = trainCells(rows, 12, 1);
  std::vector<uint32_t> cellOf(3000);
  assignCells(cellOf.data(), rows, ConstMatrixF(few.data(), 12, n));
  CHECK((std::set<uint32_t>(cellOf.begin(), cellOf.end()).size() == 12));
  setThreads(before);
}

TEST(equal_rows_have_cells_too) {
  const std::vector<float> zeros(500 * 4);
  const ProductIndex index = indexOf(zeros, 4, {20, 0.95, 1});
  const Found found = by(index, check::normals(3 * 4, 1), {500, 1, 500});
  for (size_t j = 0; j < 3; j++) {
    for (size_t i = 0; i < 500; i++)
      CHECK(found.ids[j * 500 + i] == static_cast<int32_t>(i) && found.products[j * 500 + i] == 0);
  }
  CHECK(index.lists() > 1);  // one cell, cut
}

TEST(a_search_in_all_lists_with_all_rows_is_exact) {
  for (const size_t n : {1, 5, 32, 67}) {
    const std::vector<float> rows = clusters(700, n, 9, 2), queries = check::normals(20 * n, 3);
    const ProductIndex index = indexOf(rows, n, {25, 0.9, 4});
    const Found found = by(index, queries, {15, index.lists(), 700}), right = exactly(rows, n, queries, 15);
    for (size_t i = 0; i < right.ids.size(); i++) CHECK_NEAR(found.products[i], right.products[i], 1e-4);
    CHECK(n == 1 || recall(found, right, 15) == 1);
  }
}

TEST(the_default_finds_what_it_should) {
  const size_t n = 32;
  for (const uint64_t seed : {1, 2}) {
    const std::vector<float> rows = clusters(20000, n, 150, seed), queries = near(rows, n, 200, 77);
    ProductIndexSettings settings{400, 0.95, seed};
    settings.queries = queries.data();
    settings.queryCount = 100;
    const ProductIndex index = indexOf(rows, n, settings);
    const Found right = exactly(rows, n, queries, 10);
    const double found = recall(by(index, queries, {10, index.probes(), 100}), right, 10);
    CHECK(found >= 0.93);
    CHECK(index.probes() < index.lists() / 4);
    CHECK(recall(by(index, queries, {10, 1, 100}), right, 10) < found);
    // More is asked for, more are searched.
    settings.recall = 0.6;
    CHECK(indexOf(rows, n, settings).probes() < index.probes());
  }
}

TEST(results_do_not_depend_on_threads_nor_on_other_queries) {
  const size_t before = threads(), n = 20;
  const std::vector<float> rows = clusters(6000, n, 40, 3), queries = check::normals(13 * n, 9);
  std::vector<Found> results;
  for (const size_t count : {1, 2, 3}) {
    setThreads(count);
    const ProductIndex index = indexOf(rows, n, {150, 0.9, 4});
    results.push_back(by(index, queries, {10, 8, 40}));
    CHECK(results.back() == results.front());
    for (size_t j = 0; j < 13; j++) {
      const std::vector<float> one(queries.begin() + static_cast<ptrdiff_t>(j * n),
                                   queries.begin() + static_cast<ptrdiff_t>((j + 1) * n));
      const Found alone = by(index, one, {10, 8, 40});
      CHECK(std::equal(alone.ids.begin(), alone.ids.end(), results.front().ids.begin() + static_cast<ptrdiff_t>(j * 10)));
      CHECK(std::equal(alone.products.begin(), alone.products.end(),
                       results.front().products.begin() + static_cast<ptrdiff_t>(j * 10)));
    }
  }
  setThreads(before);
}

TEST(few_rows_and_huge_ones) {
  const std::vector<float> one = {3, -2};
  const Found found = by(indexOf(one, 2, {1, 0.95, 0}), {1, 1, -1, 0.5}, {1, 1, 1});
  CHECK((found.ids == std::vector<int32_t>{0, 0}) && (found.products == std::vector<float>{1, -4}));
  // Products that overflow are found or not, but nothing falls over.
  std::vector<float> huge = check::normals(300 * 6, 1);
  for (size_t i = 0; i < huge.size(); i += 7) huge[i] *= 1e38f;
  const Found best = by(indexOf(huge, 6, {10, 0.95, 0}), check::normals(5 * 6, 2), {20, 2, 40});
  for (const int32_t id : best.ids) CHECK(id >= 0 && id < 300);
}

TEST(the_rows_of_a_head_with_biases_and_squares) {
  const std::vector<float> weights = check::normals(800 * 9, 1), biases = check::normals(800, 2),
                           hidden = check::normals(6 * 9, 3);
  SoftmaxHead head({800, 9, true}, {InitConfig::Weights, 1, 0, weights.data(), biases.data()}, {"sgd"});
  for (const bool square : {false, true}) {
    ProductIndexSettings settings{30, 0.95, 1};
    settings.queries = hidden.data();
    settings.queryCount = 6;
    const HeadIndex index(head, settings, square);
    std::vector<int32_t> classes(6 * 12), right(6 * 12);
    std::vector<float> logits(6 * 12), expected(6 * 12);
    index.search(classes.data(), logits.data(), hidden.data(), 6, {12, index.rows().lists(), 800});
    head.topK(right.data(), expected.data(), hidden.data(), 6, 12, square);
    CHECK(classes == right);
    for (size_t i = 0; i < logits.size(); i++) CHECK_NEAR(logits[i], expected[i], 1e-5);
  }
}

TEST_MAIN
