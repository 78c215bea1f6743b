#include <algorithm>

#include "check.h"

using namespace widehead;
using check::kNaN;
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

namespace {

// a as rows or as columns, b with a gap behind each row: what gemmTile may be given.
struct TileInput {
  std::vector<float> a, b;
  size_t k;
  bool rowMajor;

  TileInput(size_t k, bool rowMajor, uint64_t seed)
      : a(normals((k + 3) * (kernels().mr + 3), seed)), b(normals(k * (kernels().nr + 5) + 1, seed + 1)), k(k),
        rowMajor(rowMajor) {}
  TileTerm term() const {
    const ptrdiff_t depth = static_cast<ptrdiff_t>(k), mr = static_cast<ptrdiff_t>(kernels().mr);
    return {a.data() + 1, rowMajor ? depth + 2 : 1, rowMajor ? 1 : mr + 2,
            b.data() + 1, static_cast<ptrdiff_t>(kernels().nr + 5), k};
  }
  void addTo(double& sum, double& size, size_t i, size_t j) const {
    const TileTerm term = this->term();
    for (size_t p = 0; p < k; ++p) {
      const ptrdiff_t row = static_cast<ptrdiff_t>(i), step = static_cast<ptrdiff_t>(p);
      const double product = static_cast<double>(term.a[row * term.aRow + step * term.aStep]) *
                             term.b[step * term.bStep + static_cast<ptrdiff_t>(j)];
      sum += product;
      size += std::fabs(product);
    }
  }
};

// Every element of c inside rows x cols is start + alpha * sum of terms, every other one is as before.
void checkTile(size_t rows, size_t cols, const std::vector<TileInput>& inputs) {
  const Kernels& kernel = kernels();
  const size_t stride = kernel.nr + 3, count = kernel.mr * stride;
  std::vector<TileTerm> terms;
  size_t depth = 0;
  for (const TileInput& input : inputs) terms.push_back(input.term()), depth += input.k;
  std::vector<float> stored(count, kNaN), added(count, 2.0f), hi(count, 1000.0f), lo(count, 0.0f);
  const ptrdiff_t step = static_cast<ptrdiff_t>(stride);
  kernel.gemmTile({stored.data(), step, nullptr, 0, 0.5f, false}, rows, cols, terms.data(), terms.size());
  kernel.gemmTile({added.data(), step, nullptr, 0, 0.5f, true}, rows, cols, terms.data(), terms.size());
  kernel.gemmTile({hi.data(), step, lo.data(), step, 0.5f, true}, rows, cols, terms.data(), terms.size());
  for (size_t i = 0; i < kernel.mr; ++i)
    for (size_t j = 0; j < stride; ++j) {
      const size_t at = i * stride + j;
      if (i >= rows || j >= cols) {
        CHECK(std::isnan(stored[at]) && added[at] == 2.0f && hi[at] == 1000.0f && lo[at] == 0.0f);
        continue;
      }
      double sum = 0, size = 0;
      for (const TileInput& input : inputs) input.addTo(sum, size, i, j);
      CHECK_NEAR(stored[at], 0.5 * sum, (depth + 1) * kUlp * size);
      CHECK_NEAR(added[at], 2 + 0.5 * sum, (depth + 1) * kUlp * size + 2 * kUlp * std::fabs(2 + 0.5 * sum));
      float exactHi = 1000.0f, exactLo = 0.0f;
      kernel.compensatedAxpy(&exactHi, &exactLo, 1.0f, &stored[at], 1);  // halving is exact
      CHECK(hi[at] == exactHi && lo[at] == exactLo);
    }
}

}  // namespace

TEST(gemm_tile) {
  check::eachIsa([] {
    const Kernels& kernel = kernels();
    CHECK(kernel.nr % kernel.lanes == 0);
    for (bool rowMajor : {false, true})
      for (size_t k : {0u, 1u, 3u, 34u}) {
        const std::vector<TileInput> one = {TileInput(k, rowMajor, 1)};
        for (size_t rows = 1; rows <= kernel.mr; ++rows)
          for (size_t cols = 1; cols <= kernel.nr; ++cols) checkTile(rows, cols, one);
      }
    checkTile(kernel.mr, kernel.nr, {TileInput(301, true, 3)});
    checkTile(kernel.mr, kernel.nr, {TileInput(20, true, 5), TileInput(7, false, 7)});
    checkTile(1, 1, {TileInput(20, true, 5), TileInput(0, false, 7), TileInput(1, false, 9)});
  });
}

// Threads and blocks cut C anywhere.
TEST(gemm_tile_gives_an_element_the_same_bits_in_every_tile) {
  check::eachIsa([] {
    const Kernels& kernel = kernels();
    const TileInput input(100, true, 11);
    const TileTerm all = input.term();
    const ptrdiff_t stride = static_cast<ptrdiff_t>(kernel.nr);
    std::vector<float> whole(kernel.mr * kernel.nr), part(whole);
    kernel.gemmTile({whole.data(), stride, nullptr, 0, 1, false}, kernel.mr, kernel.nr, &all, 1);
    for (size_t i = 0; i < kernel.mr; ++i)
      for (size_t j = 0; j < kernel.nr; j += kernel.lanes) {
        TileTerm term = all;
        term.a += static_cast<ptrdiff_t>(i) * term.aRow;
        term.b += j;
        kernel.gemmTile({&part[i * kernel.nr + j], stride, nullptr, 0, 1, false}, 1, kernel.lanes, &term, 1);
      }
    CHECK(std::memcmp(whole.data(), part.data(), whole.size() * sizeof(float)) == 0);
  });
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

TEST(dots_of_rows_with_rows) {
  check::eachIsa([] {
    for (size_t m : {1u, 2u, 3u, 4u, 5u, 9u})
      for (size_t n : {0u, 1u, 3u, 4u, 5u, 8u, 11u})
        for (size_t k : {0u, 1u, 15u, 16u, 17u, 70u, 300u}) {
          const size_t aStride = k + 1, bStride = k + 3, tStride = n + 2;
          const auto a = normals(m * aStride + 1, 18), b = normals(n * bStride + 1, 19);
          std::vector<float> t(m * tStride + 1, 7.0f);
          kernels().dots(t.data(), tStride, a.data() + 1, aStride, m, b.data() + 1, bStride, n, k);
          for (size_t i = 0; i < m; ++i)
            for (size_t j = 0; j < tStride; ++j) {
              double sum = 0, size = 0;
              for (size_t p = 0; j < n && p < k; ++p) {
                const double term = static_cast<double>(a[1 + i * aStride + p]) * b[1 + j * bStride + p];
                sum += term;
                size += std::fabs(term);
              }
              if (j < n) CHECK_NEAR(t[i * tStride + j], sum, (k / 4 + 6) * kUlp * size);
              else CHECK(t[i * tStride + j] == 7.0f);
            }
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

TEST(pack_transposes_copies_and_pads) {
  check::eachIsa([] {
    const Kernels& kernel = kernels();
    const size_t sourceSize = 70;
    const auto x = normals(sourceSize * sourceSize * 2, 9);
    const ptrdiff_t strides[][2] = {{1, 67}, {67, 1}, {1, 1}, {3, 67}, {67, 2}};
    for (size_t width : {kernel.lanes, kernel.nr})
      for (auto [laneStride, depthStride] : strides)
        for (size_t lanes = 0; lanes <= width; ++lanes)
          for (size_t depth : {0u, 1u, 3u, 4u, 5u, 16u, 17u, 39u}) {
            std::vector<float> out(depth * width + 1, kNaN);
            out.back() = 7.0f;
            kernel.pack(out.data(), width, x.data(), laneStride, depthStride, lanes, depth);
            CHECK(out.back() == 7.0f);
            for (size_t p = 0; p < depth; ++p)
              for (size_t i = 0; i < width; ++i)
                CHECK(out[p * width + i] == (i < lanes ? x[i * laneStride + p * depthStride] : 0.0f));
          }
  });
}

TEST(transpose_writes_its_part_only) {
  check::eachIsa([] {
    const auto x = normals(50 * 53, 17);
    for (size_t rows = 0; rows <= 37; ++rows)
      for (size_t cols : {0u, 1u, 3u, 4u, 15u, 16u, 17u, 33u, 50u}) {
        const size_t stride = rows + 2;
        std::vector<float> out(50 * stride + 1, 7.0f);
        kernels().transpose(out.data(), stride, x.data(), 53, rows, cols);
        for (size_t at = 0; at < out.size(); ++at) {
          const size_t j = at / stride, i = at % stride;
          CHECK(out[at] == (i < rows && j < cols ? x[i * 53 + j] : 7.0f));
        }
      }
  });
}

TEST(subtract_product) {
  check::eachIsa([] {
    for (size_t m : {0u, 1u, 3u, 4u, 8u, 9u, 17u})
      for (size_t n : {0u, 1u, 2u, 5u, 8u, 12u, 24u, 25u, 31u, 50u})
        for (size_t k : {0u, 1u, 2u, 33u})
          for (bool transposedA : {false, true}) {
            const ptrdiff_t aStride = transposedA ? 1 : k + 2, aStep = transposedA ? m + 3 : 1, bStride = n + 1;
            std::vector<double> a((m + 3) * (k + 2)), b((k + 1) * (n + 1)), c(m * (n + 2) + 1, 1.25);
            for (size_t i = 0; i < a.size(); ++i) a[i] = randomNormal(11, i);
            for (size_t i = 0; i < b.size(); ++i) b[i] = randomNormal(12, i);
            kernels().subtractProduct(c.data(), n + 2, a.data(), aStride, aStep, b.data(), bStride, m, n, k);
            for (size_t i = 0; i < m; ++i)
              for (size_t j = 0; j < n + 2; ++j) {
                double expected = 1.25, size = 1.25;
                if (j < n)
                  for (size_t p = 0; p < k; ++p) {
                    const double term = a[i * aStride + p * aStep] * b[p * bStride + j];
                    expected -= term;
                    size += std::fabs(term);
                  }
                CHECK_NEAR(c[i * (n + 2) + j], expected, (k + 1) * 1.2e-16 * 2 * size);
              }
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
          for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<int8_t>(largest ? 127 : static_cast<int>(randomBits(2, i) % 255) - 127);
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
        const std::vector<float> x = normals(rows * (n + 2), n), shifts = normals(2 * rows, n + 1), limits = normals(n, n + 2);
        for (const float* shift : {static_cast<const float*>(nullptr), shifts.data()}) {
          float most = -1e30f;
          for (size_t i = 0; i < rows; ++i)
            for (size_t j = 0; j < n; ++j)
              most = std::max(most, x[i * (n + 2) + j] + (shift == nullptr ? 0 : shift[2 * i]) - limits[j]);
          CHECK(kernels().largestExcess(x.data(), static_cast<ptrdiff_t>(n + 2), rows, shift, 2, limits.data(), n) == most);
        }
      }
    }
  });
}

TEST_MAIN
