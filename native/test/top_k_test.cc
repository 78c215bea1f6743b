// The exact search over rows, against a ranking of all outputs.
#include <algorithm>
#include <vector>

#include "base/pool.h"
#include "check.h"
#include "heads/exact_head.h"
#include "heads/top_k.h"
#include "linalg/gemm.h"
#include "linalg/packed_product.h"

using namespace widehead;

namespace {

// Small whole numbers, whose products are exact in float32: many ties, and one right answer.
std::vector<float> wholes(size_t count, uint64_t seed) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; i++) values[i] = static_cast<float>(randomBits(seed, i) % 7) - 3;
  return values;
}

struct Case {
  size_t numClasses, n, m, stride;
  std::vector<float> rows, queries, shifts;
  std::vector<double> offsets;
  double scale = 1;

  Case(size_t numClasses, size_t n, size_t m)
      : numClasses(numClasses), n(n), m(m), stride(n + 1), rows(wholes(numClasses * stride, 1)),
        queries(wholes(m * n, 2)) {}

  RowSearch search(bool copies) const {
    RowSearch search{numClasses, ConstMatrixF(queries.data(), m, n), {}};
    search.rows = [this, copies](size_t begin, size_t end, Buffer<float>& scratch) {
      if (!copies) return ConstMatrixF(&rows[begin * stride], end - begin, n, static_cast<ptrdiff_t>(stride));
      float* to = scratch.reserve((end - begin) * n);
      for (size_t i = begin; i < end; i++) std::copy_n(&rows[i * stride], n, to + (i - begin) * n);
      return ConstMatrixF(to, end - begin, n);
    };
    if (!shifts.empty()) {
      search.shifts = shifts.data();
      search.shiftStride = 1;
    }
    if (!offsets.empty()) search.map = {scale, offsets.data()};
    return search;
  }

  std::vector<Ranked> ranked(size_t j, bool square) const {
    std::vector<Ranked> all;
    for (size_t i = 0; i < numClasses; i++) {
      double o = shifts.empty() ? 0 : shifts[i];
      for (size_t p = 0; p < n; p++) o += rows[i * stride + p] * queries[j * n + p];
      if (!offsets.empty()) o = scale * (o + offsets[j]);
      const float output = static_cast<float>(o);
      all.push_back({square ? output * output : output, output, static_cast<uint32_t>(i)});
    }
    std::sort(all.begin(), all.end(), ranksBefore);
    return all;
  }
};

void checkCase(const Case& c, size_t k, bool square, bool copies) {
  std::vector<int32_t> classes(c.m * k, -1);
  std::vector<float> outputs(c.m * k, check::kNaN);
  searchRows(classes.data(), outputs.data(), c.search(copies), k, square);
  for (size_t j = 0; j < c.m; j++) {
    const std::vector<Ranked> right = c.ranked(j, square);
    for (size_t i = 0; i < k; i++) {
      CHECK(classes[j * k + i] == static_cast<int32_t>(right[i].id));
      CHECK(outputs[j * k + i] == right[i].score);
    }
  }
}

}  // namespace

TEST(the_best_of_all_rows_at_ragged_sizes) {
  const size_t before = threads();
  check::eachIsa([&] {
    for (const size_t count : {1, 2, 3}) {
      setThreads(count);
      for (const size_t numClasses : {1, 3, 4, 5, 31, 515, 1100}) {
        for (const size_t n : {1, 7, 33}) {
          for (const size_t m : {1, 2, 6, 7, 49}) {
            const Case c(numClasses, n, m);
            for (const size_t k : {size_t{1}, size_t{3}, numClasses}) {
              if (k <= numClasses) checkCase(c, k, (k + m) % 2 == 0, n == 7);
            }
          }
        }
      }
    }
  });
  setThreads(before);
}

TEST(many_queries_deep_rows_and_several_threads) {
  const size_t before = threads();
  for (const size_t count : {1, 2, 3}) {
    setThreads(count);
    checkCase(Case(9000, 40, 200), 10, false, false);
    checkCase(Case(3000, 800, 130), 5, true, false);
    checkCase(Case(3000, 800, 3), 5, false, true);
  }
  setThreads(before);
}

TEST(shifts_and_offsets) {
  for (const size_t m : {2, 20}) {
    for (const bool square : {false, true}) {
      Case c(1200, 12, m);
      c.shifts = wholes(c.numClasses, 5);
      checkCase(c, 7, square, false);
      c.scale = 0.375;
      for (size_t j = 0; j < m; j++) c.offsets.push_back(static_cast<double>(j) * 5.25 - 30);
      checkCase(c, 7, square, false);
      checkCase(c, c.numClasses, square, false);
    }
  }
}

TEST(bits_do_not_depend_on_threads) {
  const size_t before = threads();
  const std::vector<float> rows = check::normals(5003 * 70, 1), queries = check::normals(30 * 70, 2);
  for (const size_t m : {1, 5, 30}) {
    std::vector<std::vector<float>> outputs;
    std::vector<std::vector<int32_t>> classes;
    for (const size_t count : {1, 2, 3, 4}) {
      setThreads(count);
      outputs.emplace_back(m * 50);
      classes.emplace_back(m * 50);
      const RowSearch search{5003, ConstMatrixF(queries.data(), m, 70), [&](size_t begin, size_t end, Buffer<float>&) {
                               return ConstMatrixF(&rows[begin * 70], end - begin, 70);
                             }};
      searchRows(classes.back().data(), outputs.back().data(), search, 50, false);
      CHECK(outputs.back() == outputs.front() && classes.back() == classes.front());
    }
  }
  setThreads(before);
}

TEST(a_packed_factor_has_the_bits_of_gemm) {
  check::eachIsa([&] {
    for (const size_t k : {1, 33, 384, 385, 1000}) {
      for (const size_t n : {7, 48, 131}) {
        const std::vector<float> a = check::normals(19 * (k + 2), 1), b = check::normals(n * k, 2);
        const ConstMatrixF rows(a.data(), 19, k, static_cast<ptrdiff_t>(k + 2)), factor(b.data(), n, k);
        std::vector<float> expected(19 * n), actual(19 * n, check::kNaN);
        gemm(MatrixF(expected.data(), 19, n), rows, factor.transposed());
        PackedFactor(factor).multiply(MatrixF(actual.data(), 19, n), rows, a.data(), a.size());
        CHECK(actual == expected);
      }
    }
  });
}

TEST(rows_that_are_behind_are_brought_up_to_date) {
  const size_t before = threads(), n = 24;
  RowStore store(3000, n, 12);
  const std::vector<float> values = check::normals(3000 * n, 3), z = check::normals(100 * n, 4);
  for (size_t step = 0; step < 100; step++) {
    for (size_t row = step; row < 2900; row += 100) {  // the last rows are never written
      std::copy_n(&values[row * n], n, store.raw(row));
      store.markWritten(row);
    }
    store.log().append({{&z[step * n], &z[(99 - step) * n], 0.01f}});
  }
  std::vector<uint32_t> all(3000), order;
  for (uint32_t i = 0; i < 3000; i++) all[i] = i;
  std::vector<float> gathered(3000 * n), right(3000 * n);
  store.gather(gathered.data(), order, all.data(), all.size());
  for (size_t i = 0; i < 3000; i++) std::copy_n(&gathered[i * n], n, &right[order[i] * n]);
  Buffer<float> scratch;
  const auto compare = [&](size_t begin, size_t end) {
    const ConstMatrixF rows = store.current(begin, end, scratch);
    CHECK(rows.rows == end - begin && rows.cols == n);
    for (size_t i = 0; i < rows.rows; i++) {
      for (size_t p = 0; p < n; p++) CHECK_NEAR(rows(i, p), right[(begin + i) * n + p], 1e-4);
    }
    return rows.data;
  };
  for (const size_t begin : {0, 1000, 2600}) compare(begin, begin + 400);
  CHECK(compare(2900, 3000) == store.raw(2900));  // nothing to do: in place
  store.sweepAll();
  for (const size_t begin : {0, 1000, 2600}) CHECK(compare(begin, begin + 400) == store.raw(begin));
  setThreads(before);
}

TEST_MAIN
