#include <algorithm>

#include "base/pool.h"
#include "check.h"
#include "linalg/gemm.h"
#include "linalg/lu.h"

using namespace widehead;
using check::kNaN;
using check::kUlp;
using check::normals;

namespace {

// How a matrix lies in memory: row by row, column by column, or with gaps both ways.
enum class Layout { Rows, Columns, Gaps };
const Layout kLayouts[] = {Layout::Rows, Layout::Columns, Layout::Gaps};

struct Stored {
  std::vector<float> memory;
  size_t rows, cols;
  Layout layout;

  Stored(size_t rows, size_t cols, Layout layout, uint64_t seed)
      : memory(seed == 0 ? std::vector<float>(2 * (rows + 3) * (cols + 3), kNaN)
                         : normals(2 * (rows + 3) * (cols + 3), seed)),
        rows(rows), cols(cols), layout(layout) {}
  MatrixF view() {
    switch (layout) {
      case Layout::Rows: return {memory.data() + 1, rows, cols, static_cast<ptrdiff_t>(cols + 1), 1};
      case Layout::Columns: return {memory.data() + 1, rows, cols, 1, static_cast<ptrdiff_t>(rows + 2)};
      default: return {memory.data(), rows, cols, static_cast<ptrdiff_t>(2 * cols + 3), 2};
    }
  }
};

// Compares c with before + alpha a b, in float64, element by element in units of what float32 sums may lose.
void checkProduct(MatrixF c, const std::vector<double>& before, ConstMatrixF a, ConstMatrixF b, double alpha) {
  for (size_t i = 0; i < c.rows; ++i)
    for (size_t j = 0; j < c.cols; ++j) {
      double sum = 0, size = 0;
      for (size_t p = 0; p < a.cols; ++p) {
        sum += static_cast<double>(a(i, p)) * b(p, j);
        size += std::fabs(static_cast<double>(a(i, p)) * b(p, j));
      }
      const double start = before.empty() ? 0 : before[i * c.cols + j];
      CHECK_NEAR(c(i, j), start + alpha * sum,
                 kUlp * ((a.cols + 2) * std::fabs(alpha) * size + 2 * std::fabs(start) + 1e-30));
    }
}

std::vector<double> copyOf(MatrixF c) {
  std::vector<double> copy;
  for (size_t i = 0; i < c.rows; ++i)
    for (size_t j = 0; j < c.cols; ++j) copy.push_back(c(i, j));
  return copy;
}

void checkGemm(size_t m, size_t n, size_t k, Layout ofC, Layout ofA, Layout ofB) {
  Stored a(m, k, ofA, 21), b(k, n, ofB, 22), stored(m, n, ofC, 0), added(m, n, ofC, 23);
  gemm(stored.view(), a.view(), b.view());
  checkProduct(stored.view(), {}, a.view(), b.view(), 1);
  const auto before = copyOf(added.view());
  gemm(added.view(), a.view(), b.view(), -0.75f, Into::Add);
  checkProduct(added.view(), before, a.view(), b.view(), -0.75);
}

}  // namespace

TEST(gemm_of_ragged_sizes_in_every_layout) {
  setThreads(2);
  check::eachIsa([] {
    for (Layout ofC : kLayouts)
      for (Layout ofA : kLayouts)
        for (Layout ofB : kLayouts)
          for (size_t m : {0u, 1u, 2u, 3u, 7u, 13u, 17u, 26u})
            for (size_t n : {0u, 1u, 2u, 5u, 17u, 33u, 65u})
              for (size_t k : {0u, 1u, 5u, 18u}) checkGemm(m, n, k, ofC, ofA, ofB);
  });
}

TEST(gemm_across_the_cache_blocks) {
  setThreads(2);
  check::eachIsa([] {
    for (Layout ofA : kLayouts)
      for (Layout ofB : kLayouts) {
        checkGemm(251, 70, 323, Layout::Rows, ofA, ofB);
        checkGemm(1, 1100, 323, Layout::Columns, ofA, ofB);
      }
    checkGemm(13, 4105, 33, Layout::Rows, Layout::Rows, Layout::Rows);
    checkGemm(4105, 13, 33, Layout::Columns, Layout::Rows, Layout::Columns);
  });
}

TEST(gemm_gives_the_same_bits_for_any_number_of_threads) {
  check::eachIsa([] {
    const size_t shapes[][3] = {{300, 300, 128}, {128, 300, 300}, {1, 5000, 300}, {5000, 2, 64}, {500, 500, 700}};
    for (auto [m, n, k] : shapes) {
      Stored a(m, k, Layout::Rows, 31), b(k, n, Layout::Columns, 32);
      std::vector<float> first;
      for (size_t count : {1u, 2u, 3u}) {
        setThreads(count);
        std::vector<float> c(m * n, kNaN);
        gemm(MatrixF(c.data(), m, n), a.view(), b.view(), 1.5f);
        if (count == 1) first = c;
        CHECK(std::memcmp(first.data(), c.data(), c.size() * sizeof(float)) == 0);
      }
    }
  });
  setThreads(2);
}

TEST(compensated_products_keep_the_digits_that_float32_loses) {
  check::eachIsa([] {
    const size_t shapes[][3] = {{37, 45, 8}, {1, 45, 8}, {45, 1, 8}, {45, 2, 400}};
    for (auto [m, n, k] : shapes) {
      std::vector<float> hi(m * n, 1000.0f), lo(m * n, 0.0f);
      std::vector<double> exact(m * n, 1000.0);
      for (uint64_t round = 0; round < 50; ++round) {
        Stored a(m, k, Layout::Rows, 100 + round), b(k, n, Layout::Rows, 200 + round);
        std::vector<float> product(m * n);
        gemm(MatrixF(product.data(), m, n), a.view(), b.view());
        for (size_t i = 0; i < m * n; ++i) exact[i] += static_cast<double>(0.01f * product[i]);
        gemmCompensated(MatrixF(hi.data(), m, n), MatrixF(lo.data(), m, n), a.view(), b.view(), 0.01f);
      }
      // k beyond one block of depth adds two roundings of the product; below it the sum is exact to 48 bits.
      const double tolerance = k > 300 ? 50 * kUlp : 1e-11;
      for (size_t i = 0; i < m * n; ++i) CHECK_NEAR(static_cast<double>(hi[i]) + lo[i], exact[i], tolerance);
    }
  });
}

TEST(symmetric_products_are_right_symmetric_and_the_same_for_any_number_of_threads) {
  check::eachIsa([] {
    for (size_t n : {1u, 2u, 5u, 13u, 33u, 70u, 300u})
      for (size_t k : {1u, 7u, 128u, 200u, 400u}) {
        if (k > 128 && n != 33) continue;
        Stored a(k, n, Layout::Rows, 51), b(k, n, Layout::Rows, 52), wide(n, k, Layout::Columns, 53);
        const MatrixF x = a.view(), y = b.view(), z = wide.view();
        const size_t stride = n + 3;
        std::vector<float> start(n * stride), first[3];
        for (size_t i = 0; i < n; ++i)
          for (size_t j = 0; j < n; ++j) start[i * stride + j] = static_cast<float>(randomNormal(54, i * j + i + j));
        for (size_t count : {1u, 2u, 3u}) {
          setThreads(count);
          std::vector<float> hi = start, lo(n * stride, 0.0f), c(n * stride, kNaN);
          syr2kCompensated(MatrixF(hi.data(), n, n, stride), MatrixF(lo.data(), n, n, stride), x, y, -0.5f);
          syrk(MatrixF(c.data(), n, n, stride), z);
          for (size_t i = 0; i < n; ++i)
            for (size_t j = 0; j < stride; ++j) {
              const size_t at = i * stride + j;
              if (j >= n) {
                CHECK(hi[at] == 0 && lo[at] == 0 && std::isnan(c[at]));
                continue;
              }
              double sum = 0, size = 0, square = 0, squareSize = 0;
              for (size_t p = 0; p < k; ++p) {
                const double left = static_cast<double>(x(p, i)) * y(p, j),
                             right = static_cast<double>(y(p, i)) * x(p, j);
                sum += left + right;
                size += std::fabs(left) + std::fabs(right);
                square += static_cast<double>(z(i, p)) * z(j, p);
                squareSize += std::fabs(static_cast<double>(z(i, p)) * z(j, p));
              }
              CHECK_NEAR(static_cast<double>(hi[at]) + lo[at], start[at] - 0.5 * sum, kUlp * (2 * k + 2) * 0.5 * size);
              CHECK_NEAR(c[at], square, kUlp * (k + 2) * squareSize);
              const size_t mirror = j * stride + i;
              CHECK(hi[at] == hi[mirror] && lo[at] == lo[mirror] && c[at] == c[mirror]);
            }
          const std::vector<float>* results[] = {&hi, &lo, &c};
          for (size_t which = 0; which < 3; ++which) {
            if (count == 1) first[which] = *results[which];
            CHECK(std::memcmp(first[which].data(), results[which]->data(), n * stride * sizeof(float)) == 0);
          }
        }
      }
  });
  setThreads(2);
}

// 50 rounds on sums of about 1000: what float32 alone would lose is there in the low words.
TEST(symmetric_compensated_products_keep_the_digits_that_float32_loses) {
  check::eachIsa([] {
    const size_t n = 45, k = 8;
    std::vector<float> hi(n * n, 1000.0f), lo(n * n, 0.0f);
    std::vector<double> exact(n * n, 1000.0);
    for (uint64_t round = 0; round < 50; ++round) {
      Stored a(k, n, Layout::Rows, 100 + round), b(k, n, Layout::Rows, 200 + round);
      std::vector<float> product(n * n, 0.0f), zero(n * n, 0.0f);
      syr2kCompensated(MatrixF(product.data(), n, n), MatrixF(zero.data(), n, n), a.view(), b.view(), 1);
      for (size_t i = 0; i < n * n; ++i) exact[i] += static_cast<double>(0.01f * product[i]);
      syr2kCompensated(MatrixF(hi.data(), n, n), MatrixF(lo.data(), n, n), a.view(), b.view(), 0.01f);
    }
    for (size_t i = 0; i < n * n; ++i) CHECK_NEAR(static_cast<double>(hi[i]) + lo[i], exact[i], 1e-11);
  });
}

TEST(lu_solves_and_inverts) {
  check::eachIsa([] {
    for (size_t n : {1u, 2u, 3u, 17u, 32u, 33u, 64u, 100u, 131u}) {
      std::vector<double> a(n * n), b(n * 70), x, inverse(n * n, std::nan(""));
      for (size_t i = 0; i < a.size(); ++i) a[i] = randomNormal(41, i);
      for (size_t i = 0; i < b.size(); ++i) b[i] = randomNormal(42, i);
      x = b;
      Lu lu;
      lu.factor(ConstMatrixD(a.data(), n, n));
      CHECK(!lu.singular() && lu.size() == n);
      lu.solve(MatrixD(x.data(), n, 70));
      lu.inverse(MatrixD(inverse.data(), n, n));
      double largest = 0;
      for (double value : inverse) largest = std::max(largest, std::fabs(value));
      for (size_t i = 0; i < n; ++i) {
        for (size_t j = 0; j < 70; ++j) {
          double sum = 0, size = 0;
          for (size_t p = 0; p < n; ++p)
            sum += a[i * n + p] * x[p * 70 + j], size += std::fabs(a[i * n + p] * x[p * 70 + j]);
          CHECK_NEAR(sum, b[i * 70 + j], 1e-15 * n * (size + 1));
        }
        for (size_t j = 0; j < n; ++j) {
          double sum = 0;
          for (size_t p = 0; p < n; ++p) sum += a[i * n + p] * inverse[p * n + j];
          CHECK_NEAR(sum, i == j ? 1 : 0, 1e-15 * n * n * (largest + 1));
        }
      }
    }
  });
}

TEST(lu_reads_any_strides_and_solves_into_views) {
  std::vector<double> a = {2, 99, 1, 99, 1, 99, 3, 99}, x = {3, -1, 5, -1};
  Lu lu;
  lu.factor(ConstMatrixD(a.data(), 2, 2, 2, 4));  // {{2, 1}, {1, 3}} by columns, with gaps
  lu.solve(MatrixD(x.data(), 2, 1, 2, 1));
  CHECK_NEAR(x[0], 0.8, 1e-15);
  CHECK_NEAR(x[2], 1.4, 1e-15);
  CHECK(x[1] == -1 && x[3] == -1);
}

TEST(lu_gives_the_same_bits_for_any_number_of_threads) {
  const size_t n = 200;
  std::vector<double> a(n * n), first;
  for (size_t i = 0; i < a.size(); ++i) a[i] = randomNormal(43, i);
  for (size_t count : {1u, 2u, 3u}) {
    setThreads(count);
    Lu lu;
    lu.factor(ConstMatrixD(a.data(), n, n));
    std::vector<double> inverse(n * n);
    lu.inverse(MatrixD(inverse.data(), n, n));
    if (count == 1) first = inverse;
    CHECK(std::memcmp(first.data(), inverse.data(), n * n * sizeof(double)) == 0);
  }
  setThreads(2);
}

// Rank one less than full: inverse iteration must still turn to the null vector.
TEST(lu_of_a_singular_matrix_says_so_and_still_solves) {
  std::vector<double> zero(9, 0.0);
  Lu lu;
  lu.factor(ConstMatrixD(zero.data(), 3, 3));
  CHECK(lu.singular());

  std::vector<double> a = {1, 2, 3, 2, 4, 6, 1, 0, 1}, x = {1e-200, 1e-200, 1e-200};
  lu.factor(ConstMatrixD(a.data(), 3, 3));
  CHECK(lu.singular());
  lu.solve(MatrixD(x.data(), 3, 1));
  double norm = 0;
  for (double value : x) norm = std::max(norm, std::fabs(value));
  CHECK(norm > 1e90 && std::isfinite(norm));
  for (size_t i = 0; i < 3; ++i)
    CHECK_NEAR((a[i * 3] * x[0] + a[i * 3 + 1] * x[1] + a[i * 3 + 2] * x[2]) / norm, 0, 1e-14);
}

TEST_MAIN
