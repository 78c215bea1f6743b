// The kernels of matrix products: tiles, dots of rows with rows, packing, transposing, the float64 product of LU.
#include "check.h"

using namespace widehead;
using check::kNaN;
using check::kUlp;
using check::normals;

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
    return {a.data() + 1,
            rowMajor ? depth + 2 : 1,
            rowMajor ? 1 : mr + 2,
            b.data() + 1,
            static_cast<ptrdiff_t>(kernels().nr + 5),
            k};
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

TEST_MAIN
