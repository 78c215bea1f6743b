#include <algorithm>
#include <string>
#include <system_error>

#include "base/buffer.h"
#include "base/checksum.h"
#include "base/rng.h"
#include "base/typed_error.h"
#include "check.h"

using namespace widehead;

TEST(buffers_are_aligned_and_grow) {
  Buffer<float> buffer;
  for (size_t count : {1u, 3u, 17u, 1000u, 100000u}) {
    float* data = buffer.zeros(count);
    CHECK(reinterpret_cast<uintptr_t>(data) % 64 == 0);
    CHECK(buffer.capacity() >= count && data[count - 1] == 0.0f);
  }
  Buffer<float> moved(std::move(buffer));
  CHECK(moved.capacity() == 100000 && buffer.data() == nullptr);
  freeAligned(allocateAligned(0));
}

TEST(impossible_sizes_are_typed_errors) {
  const size_t counts[] = {SIZE_MAX, SIZE_MAX / 4, SIZE_MAX / 4 + 2, SIZE_MAX / 8};
  for (size_t count : counts) {
    try {
      Buffer<float> buffer(count);
      CHECK(!"allocated");
    } catch (const Error& error) {
      CHECK(error.kind == ErrorKind::Range);
      CHECK(std::strcmp(error.code, "WIDEHEAD_OUT_OF_MEMORY") == 0);
      CHECK(std::strstr(error.what(), "bytes") != nullptr);
    }
  }
}

TEST(crc32_is_that_of_zlib) {
  // The check value of CRC-32 (IEEE 802.3).
  CHECK(crc32(0, "123456789", 9) == 0xCBF43926u);
  const std::string text = "a longer text that is cut in two at every place there is";
  const uint32_t whole = crc32(0, text.data(), text.size());
  for (size_t at = 0; at <= text.size(); at++) {
    CHECK(crc32(crc32(0, text.data(), at), text.data() + at, text.size() - at) == whole);
  }
}

TEST(whatever_is_thrown_is_a_typed_error) {
  const auto typed = [](auto thrown) { return typedError(std::make_exception_ptr(thrown)); };
  const Error own = typed(Error(ErrorKind::State, "WIDEHEAD_LOSS", "as it was"));
  CHECK(own.kind == ErrorKind::State && own.code == std::string("WIDEHEAD_LOSS") &&
        own.what() == std::string("as it was"));
  for (const Error& error : {typed(std::bad_alloc()), typed(std::length_error("vector"))})
    CHECK(error.kind == ErrorKind::Range && error.code == std::string("WIDEHEAD_OUT_OF_MEMORY"));
  for (const Error& error : {typed(std::system_error(std::make_error_code(std::errc::io_error))), typed(7)})
    CHECK(error.kind == ErrorKind::State && error.code == std::string("WIDEHEAD_INTERNAL"));
  CHECK(std::string(typed(std::out_of_range("map::at")).what()).find("map::at") != std::string::npos);
}

// A model seeded on one platform must start with the same bits on every other.
TEST(random_numbers_have_golden_values) {
  CHECK(randomBits(0, 0) == 0x1fe8169b4c1dc1fcULL);
  CHECK(randomBits(1, 0) == 0x0d321acc2e26ce42ULL);
  CHECK(randomBits(42, 1000000) == 0xa977cd97f40eae0eULL);
  CHECK(randomUniform(7, 3) == 0x1.d384953e315a5p-1);
  CHECK(randomNormal(0, 0) == -0x1.26f1930c26e39p+0);
  CHECK(randomNormal(42, 2) == 0x1.0c6adc595f5edp-3);
  CHECK(randomNormal(42, 4132) == 0x1.0e661b889516dp+2);
}

TEST(normals_have_the_moments_and_tails_of_the_normal_distribution) {
  const size_t n = 400000;
  double sum[5] = {};
  double lag = 0, cross = 0;
  size_t beyond2 = 0, beyond4 = 0;
  for (size_t i = 0; i < n; ++i) {
    const double x = randomNormal(11, i);
    double power = 1;
    for (double& s : sum) s += power, power *= x;
    lag += x * randomNormal(11, i + 1);
    cross += x * randomNormal(12, i);
    if (std::fabs(x) > 2) ++beyond2;
    if (std::fabs(x) > 4) ++beyond4;
  }
  // Five standard deviations of each estimate.
  const double unit = 5 / std::sqrt(static_cast<double>(n));
  CHECK_NEAR(sum[1] / n, 0, unit);
  CHECK_NEAR(sum[2] / n, 1, unit * std::sqrt(2.0));
  CHECK_NEAR(sum[3] / n, 0, unit * std::sqrt(15.0));
  CHECK_NEAR(sum[4] / n, 3, unit * std::sqrt(96.0));
  CHECK_NEAR(lag / n, 0, unit);
  CHECK_NEAR(cross / n, 0, unit);
  CHECK_NEAR(static_cast<double>(beyond2) / n, 0.0455, unit * 0.2084);
  CHECK(beyond4 >= 5 && beyond4 <= 60);  // 25 expected
}

TEST(uniforms_lie_inside_the_unit_interval_and_fill_it) {
  const size_t n = 160000;
  size_t bins[16] = {};
  for (size_t i = 0; i < n; ++i) {
    const double u = randomUniform(3, i);
    CHECK(u > 0 && u < 1);
    ++bins[static_cast<size_t>(u * 16)];
  }
  double chi = 0;
  for (size_t count : bins) chi += (count - n / 16.0) * (count - n / 16.0) / (n / 16.0);
  CHECK(chi < 40);  // 15 degrees of freedom: one in a thousand lies above 38
}

TEST(every_seed_bit_and_index_bit_flips_half_of_the_output) {
  for (int bit = 0; bit < 64; ++bit) {
    int bySeed = 0, byIndex = 0;
    for (uint64_t i = 0; i < 64; ++i) {
      const uint64_t flip = uint64_t{1} << bit;
      for (uint64_t x = randomBits(5, i) ^ randomBits(5 ^ flip, i); x != 0; x &= x - 1) ++bySeed;
      for (uint64_t x = randomBits(5, i) ^ randomBits(5, i ^ flip); x != 0; x &= x - 1) ++byIndex;
    }
    CHECK_NEAR(bySeed / 4096.0, 0.5, 0.05);
    CHECK_NEAR(byIndex / 4096.0, 0.5, 0.05);
  }
}

TEST_MAIN
