// The registry, and the kernels of vectors: sums, dots, compensated sums, codes of four bits. Products are in matrix_kernels_test.
#include <algorithm>

#include "check.h"

using namespace widehead;
using check::kUlp;
using check::normals;

namespace {

// Ragged sizes up to two tiles and one more, and one beyond every unrolled loop.
std::vector<size_t> sizes() {
  std::vector<size_t> list;
  for (size_t n = 0; n <= 2 * kernels().nr + 1; ++n) list.push_back(n);
  list.push_back(1003);
  return list;
}

}  // namespace

TEST(the_tables_have_names_and_sane_tiles) {
  bool sawScalar = false;
  check::eachIsa([&] {
    CHECK(kernels().mr >= 1 && kernels().nr >= 1 && kernels().mr * kernels().nr <= 1024);
    if (std::strcmp(kernels().name, "scalar") == 0) sawScalar = true;
  });
  CHECK(sawScalar);
  CHECK(!forceIsa("nosuch") && !forceIsa(nullptr));
  CHECK(isaRequestError() == nullptr);
}

TEST(dots) {
  check::eachIsa([] {
    for (size_t n : sizes())
      for (size_t shift : {0u, 1u}) {
        const auto x = normals(n + shift, 3), y = normals(n + shift, 4);
        double sum = 0, size = 0;
        for (size_t i = 0; i < n; ++i) {
          sum += static_cast<double>(x[shift + i]) * y[shift + i];
          size += std::fabs(static_cast<double>(x[shift + i]) * y[shift + i]);
        }
        CHECK_NEAR(kernels().dot(x.data() + shift, y.data() + shift, n), sum, (n / 8 + 6) * kUlp * size);
        CHECK_NEAR(kernels().dotDouble(x.data() + shift, y.data() + shift, n), sum, n * 1.2e-16 * size);
      }
  });
}

TEST(axpy_and_scale_touch_n_elements) {
  check::eachIsa([] {
    for (size_t n : sizes())
      for (size_t shift : {0u, 1u}) {
        const auto x = normals(n + shift, 5);
        auto y = normals(n + shift, 6);
        y.insert(y.end(), 40, 7.0f);
        const auto before = y;
        kernels().axpy(y.data() + shift, 0.37f, x.data() + shift, n);
        for (size_t i = 0; i < n; ++i) {
          const double expected = before[shift + i] + static_cast<double>(0.37f) * x[shift + i];
          CHECK_NEAR(y[shift + i], expected, 2 * kUlp * (std::fabs(expected) + std::fabs(x[shift + i])));
        }
        auto z = before;
        kernels().scale(z.data() + shift, -1.7f, n);
        for (size_t i = 0; i < n; ++i) CHECK(z[shift + i] == before[shift + i] * -1.7f);
        for (size_t i = n + shift; i < y.size(); ++i) CHECK(y[i] == 7.0f && z[i] == 7.0f);
      }
  });
}

// An element's bits must not depend on where in a vector it falls: threads cut rows anywhere.
TEST(axpy_gives_the_same_bits_in_parts) {
  check::eachIsa([] {
    const auto x = normals(100, 5), y = normals(100, 6);
    auto whole = y, parts = y;
    kernels().axpy(whole.data(), 0.3f, x.data(), 100);
    for (size_t i = 0; i < 100; i += 7)
      kernels().axpy(parts.data() + i, 0.3f, x.data() + i, i + 7 <= 100 ? 7 : 100 - i);
    CHECK(std::memcmp(whole.data(), parts.data(), 400) == 0);
  });
}

// No fused operation is allowed in it, so every ISA gives the bits of the reference.
TEST(compensated_axpy_is_the_reference_bit_for_bit) {
  check::eachIsa([] {
    const char* name = kernels().name;
    for (size_t n : sizes()) {
      const auto x = normals(n + 1, 7);
      std::vector<float> hi[2], lo[2];
      for (int pass = 0; pass < 2; ++pass) {
        forceIsa(pass == 0 ? "scalar" : name);
        hi[pass].assign(n + 40, 3.0f);
        lo[pass].assign(n + 40, 0.0f);
        for (int round = 0; round < 5; ++round)
          kernels().compensatedAxpy(hi[pass].data() + 1, lo[pass].data() + 1, 0.1f + round, x.data() + 1, n);
      }
      CHECK(std::memcmp(hi[0].data(), hi[1].data(), hi[0].size() * 4) == 0);
      CHECK(std::memcmp(lo[0].data(), lo[1].data(), lo[0].size() * 4) == 0);
    }
  });
}

TEST(wide_compensated_sums_keep_both_words) {
  check::eachIsa([] {
    for (size_t n : sizes()) {
      auto hi = normals(n + 40, 11), lo = normals(n + 40, 12);
      for (float& value : lo) value *= 1e-8f;
      const auto hi0 = hi, lo0 = lo;
      std::vector<double> x(n);
      for (size_t i = 0; i < n; ++i) x[i] = randomNormal(13, i);
      kernels().compensatedAxpyWide(hi.data() + 1, lo.data() + 1, 0.3, x.data(), n);
      for (size_t i = 0; i < n + 40; ++i) {
        if (i < 1 || i > n) {
          CHECK(hi[i] == hi0[i] && lo[i] == lo0[i]);
          continue;
        }
        const double expected = static_cast<double>(hi0[i]) + lo0[i] + 0.3 * x[i - 1];
        CHECK_NEAR(static_cast<double>(hi[i]) + lo[i], expected, 1e-14 * (1 + std::fabs(expected)));
        CHECK(hi[i] == static_cast<float>(expected) || std::fabs(lo[i]) <= kUlp * std::fabs(hi[i]));
      }
    }
  });
}

TEST(combine_rounds_a_sum_of_terms_once) {
  check::eachIsa([] {
    for (size_t n : sizes())
      for (size_t count : {0u, 1u, 3u}) {
        const auto x = normals(n + 1, 14);
        auto out = normals(n + 40, 15);
        const auto before = out;
        std::vector<double> wide(n);
        for (size_t i = 0; i < n; ++i) wide[i] = randomNormal(16, i);
        const Term terms[] = {{0.1, out.data() + 1}, {1e-3, nullptr, wide.data()}, {-0.7, x.data() + 1}};
        kernels().combine(out.data() + 1, terms, count, n);
        for (size_t i = 0; i < out.size(); ++i) {
          if (i < 1 || i > n) {
            CHECK(out[i] == before[i]);
            continue;
          }
          double expected = 0;
          if (count > 0) expected += 0.1 * before[i];
          if (count > 1) expected += 1e-3 * wide[i - 1];
          if (count > 2) expected -= 0.7 * x[i];
          CHECK_NEAR(out[i], expected, kUlp * std::fabs(expected) + 1e-15);
        }
      }
  });
}

TEST(compensated_sums_keep_13_digits_over_100000_additions) {
  check::eachIsa([] {
    const size_t n = 37;
    std::vector<float> hi(n, 0.0f), lo(n, 0.0f);
    std::vector<double> exact(n, 0.0), size(n, 0.0);
    std::vector<float> x(n);
    for (size_t step = 0; step < 100000; ++step) {
      for (size_t i = 0; i < n; ++i) {
        x[i] = static_cast<float>(static_cast<int64_t>(randomBits(8, step * n + i) >> 40)) * 1e-7f;
        exact[i] += static_cast<double>(x[i] * 0.01f);
      }
      kernels().compensatedAxpy(hi.data(), lo.data(), 0.01f, x.data(), n);
    }
    for (size_t i = 0; i < n; ++i) {
      CHECK_NEAR((static_cast<double>(hi[i]) + lo[i]) / exact[i], 1, 2e-13);
      CHECK(std::fabs(lo[i]) <= kUlp * std::fabs(hi[i]) * 1.0001);
    }
  });
}

TEST(code_dots_are_those_of_the_table_of_codes) {
  check::eachIsa([&] {
    for (const size_t blocks : {0, 1, 3}) {
      for (size_t groups = 0; groups <= 19; ++groups) {
        // All codes 15 and all x 127, where sums are largest, and random ones.
        for (const bool largest : {true, false}) {
          std::vector<uint8_t> codes(blocks * groups * 64 + 1);
          std::vector<int8_t> x(groups * 8 + 1);
          for (size_t i = 0; i < codes.size(); ++i) codes[i] = largest ? 255 : static_cast<uint8_t>(randomBits(1, i));
          for (size_t i = 0; i < x.size(); ++i)
            x[i] = static_cast<int8_t>(largest ? 127 : static_cast<int>(randomBits(2, i) % 255) - 127);
          std::vector<int32_t> sums(blocks * kCodeRows + 1, -7);
          kernels().codeDots(sums.data(), codes.data() + 1, blocks, groups, x.data() + 1);
          for (size_t b = 0; b < blocks; ++b)
            for (size_t r = 0; r < kCodeRows; ++r) {
              int32_t sum = 0;
              for (size_t p = 0; p < 8 * groups; ++p) {
                const uint8_t byte = codes[1 + 64 * (b * groups + p / 8) + 4 * r + p % 4];
                sum += (p % 8 < 4 ? byte & 15 : byte >> 4) * x[1 + p];
              }
              CHECK(sums[b * kCodeRows + r] == sum);
            }
          CHECK(sums.back() == -7);
        }
      }
    }
  });
}

TEST(largest_excess) {
  check::eachIsa([&] {
    for (const size_t rows : {1, 5}) {
      for (size_t n = 1; n < 2 * kernels().lanes + 3; ++n) {
        const std::vector<float> x = normals(rows * (n + 2), n), shifts = normals(2 * rows, n + 1),
                                 limits = normals(n, n + 2);
        for (const float* shift : {static_cast<const float*>(nullptr), shifts.data()}) {
          float most = -1e30f;
          for (size_t i = 0; i < rows; ++i)
            for (size_t j = 0; j < n; ++j)
              most = std::max(most, x[i * (n + 2) + j] + (shift == nullptr ? 0 : shift[2 * i]) - limits[j]);
          CHECK(kernels().largestExcess(x.data(), static_cast<ptrdiff_t>(n + 2), rows, shift, 2, limits.data(), n) ==
                most);
        }
      }
    }
  });
}

TEST_MAIN
