// Hash families against their definitions and their theory.
#include <algorithm>
#include <set>
#include <string>

#include "base/error.h"
#include "base/pool.h"
#include "check.h"
#include "hash_helpers.h"
#include "hashing/simhash.h"
#include "hashing/winner_take_all.h"

using namespace widehead;
using check::atAngle;
using check::hashRows;
using check::settingsOf;

namespace {

std::vector<uint64_t> keysOf(const HashFamily& family, const std::vector<float>& row) {
  std::vector<uint64_t> keys(family.settings().tables);
  HashScratch::Part part;
  family.prepare(part);
  family.keys(keys.data(), row.data(), row.size(), 1, part);
  return keys;
}

// Hash h of a packed key.
uint64_t hashIn(uint64_t key, size_t h, size_t perTable, unsigned bits) {
  return key >> ((perTable - 1 - h) * bits) & ((uint64_t{1} << bits) - 1);
}

size_t placeOfLargest(const std::vector<float>& row, const uint32_t* coordinates, size_t window) {
  size_t place = 0;
  for (size_t j = 1; j < window; j++) {
    if (row[coordinates[j]] > row[coordinates[place]]) place = j;
  }
  return place;
}

template <class Body>
bool outOfRange(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.kind == ErrorKind::Range && std::string(error.code) == "WIDEHEAD_OUT_OF_RANGE";
  }
  return false;
}

}  // namespace

TEST(simhash_is_the_sign_of_its_projections) {
  check::eachIsa([] {
    const SimHash family(settingsOf("simhash", 37, 5, 9));
    for (uint64_t seed = 0; seed < 20; seed++) {
      const std::vector<float> row = check::normals(37, seed);
      const std::vector<uint64_t> keys = keysOf(family, row);
      for (size_t t = 0; t < 5; t++) {
        for (size_t h = 0; h < 9; h++) {
          double projection = 0;
          for (size_t i = 0; i < 37; i++) projection += static_cast<double>(row[i]) * family.direction(t, h, i);
          if (std::fabs(projection) > 1e-4) CHECK(hashIn(keys[t], h, 9, 1) == (projection >= 0 ? 1u : 0u));
        }
      }
    }
  });
}

TEST(wta_packs_the_places_of_the_largest_coordinates_in_their_own_bits) {
  for (const size_t window : {2, 4, 8, 16}) {
    const unsigned bits = window == 2 ? 1 : window == 4 ? 2 : window == 8 ? 3 : 4;
    const Wta family(settingsOf("wta", 40, 7, 5, window));
    CHECK(family.keyBits() == 5 * bits);
    std::set<uint64_t> seen;
    for (uint64_t seed = 0; seed < 50; seed++) {
      const std::vector<float> row = check::normals(40, seed);
      const std::vector<uint64_t> keys = keysOf(family, row);
      for (size_t t = 0; t < 7; t++) {
        CHECK(keys[t] < uint64_t{1} << (5 * bits));
        for (size_t h = 0; h < 5; h++) {
          const uint64_t place = hashIn(keys[t], h, 5, bits);
          CHECK(place == placeOfLargest(row, family.windowOf(t, h), window));
          seen.insert(place);
        }
      }
    }
    CHECK(seen.size() == window);
  }
}

TEST(windows_are_drawn_without_replacement) {
  const Wta wta(settingsOf("wta", 16, 50, 4, 8));
  const DensifiedWta dwta(settingsOf("dwta", 16, 50, 4, 8));
  std::vector<size_t> first(16);
  for (size_t t = 0; t < 50; t++) {
    for (size_t h = 0; h < 4; h++) {
      const std::set<uint32_t> window(wta.windowOf(t, h), wta.windowOf(t, h) + 8);
      CHECK(window.size() == 8 && *window.rbegin() < 16);
      first[wta.windowOf(t, h)[0]]++;
    }
    for (size_t pair = 0; pair < 2; pair++) {  // two windows of 8 are one permutation of 16
      const uint32_t* begin = dwta.windowOf(t, 2 * pair);
      CHECK((std::set<uint32_t>(begin, begin + 16).size() == 16));
    }
  }
  for (const size_t count : first) CHECK(count > 0);
}

TEST(golden_keys) {
  std::vector<float> row(20);
  for (size_t i = 0; i < row.size(); i++) row[i] = static_cast<float>(static_cast<int>(i * 7 % 20) - 9) / 4;
  const std::vector<std::vector<uint64_t>> expected = {
      {9, 16, 17, 36}, {218219, 136203, 145418, 16866}, {207384, 79273, 144694, 221837}};
  size_t next = 0;
  for (const char* kind : {"simhash", "wta", "dwta"}) {
    const auto family = makeHashFamily(settingsOf(kind, 20, 4, 6));
    check::eachIsa([&] { CHECK(keysOf(*family, row) == expected[next]); });
    next++;
  }
}

TEST(simhash_collides_by_the_angle) {
  constexpr size_t kTables = 160, kHashes = 64;
  const SimHash family(settingsOf("simhash", 6, kTables, kHashes));
  const std::vector<uint64_t> axis = keysOf(family, atAngle(0, 6));
  for (const double angle : {0.1, 0.5, 1.0, 1.5707963, 2.5, 3.1}) {
    const std::vector<uint64_t> keys = keysOf(family, atAngle(angle, 6));
    double equal = 0;
    for (size_t t = 0; t < kTables; t++) {
      for (size_t h = 0; h < kHashes; h++) equal += hashIn(keys[t], h, kHashes, 1) == hashIn(axis[t], h, kHashes, 1);
    }
    const double n = kTables * kHashes, p = 1 - angle / 3.14159265358979;
    CHECK_NEAR(equal / n, p, 4 * std::sqrt(p * (1 - p) / n));
  }
}

TEST(wta_collides_as_often_as_over_all_permutations) {
  constexpr size_t kD = 6, kWindow = 4, kTables = 640, kHashes = 16;
  const Wta family(settingsOf("wta", kD, kTables, kHashes, kWindow));
  for (uint64_t seed = 0; seed < 4; seed++) {
    const std::vector<float> a = check::normals(kD, 2 * seed), b = check::normals(kD, 2 * seed + 1);
    std::vector<uint32_t> order = {0, 1, 2, 3, 4, 5};
    double collisions = 0, permutations = 0;
    do {
      collisions += placeOfLargest(a, order.data(), kWindow) == placeOfLargest(b, order.data(), kWindow);
      permutations++;
    } while (std::next_permutation(order.begin(), order.end()));
    const std::vector<uint64_t> ka = keysOf(family, a), kb = keysOf(family, b);
    double equal = 0;
    for (size_t t = 0; t < kTables; t++) {
      for (size_t h = 0; h < kHashes; h++) equal += hashIn(ka[t], h, kHashes, 2) == hashIn(kb[t], h, kHashes, 2);
    }
    const double n = kTables * kHashes, p = collisions / permutations;
    CHECK_NEAR(equal / n, p, 4 * std::sqrt(p * (1 - p) / n));
  }
}

TEST(hashes_are_invariant_to_a_positive_factor) {
  for (const char* kind : {"simhash", "wta", "dwta"}) {
    const auto family = makeHashFamily(settingsOf(kind, 48, 20, 6));
    const std::vector<float> row = check::normals(48, 5);
    for (const float factor : {0.125f, 1024.0f}) {
      std::vector<float> scaled = row;
      for (float& x : scaled) x *= factor;
      CHECK(keysOf(*family, scaled) == keysOf(*family, row));
    }
  }
  const Wta wta(settingsOf("wta", 48, 20, 6));
  std::vector<float> row = check::normals(48, 5), curved = row;
  for (float& x : curved) x = std::atan(x) + 3;  // any rising function
  CHECK(keysOf(wta, curved) == keysOf(wta, row));
}

TEST(dense_wta_without_zeros_is_wta_on_its_windows) {
  const DensifiedWta family(settingsOf("dwta", 40, 30, 6));
  const std::vector<float> row = check::normals(40, 3);
  const std::vector<uint64_t> keys = keysOf(family, row);
  for (size_t t = 0; t < 30; t++) {
    for (size_t h = 0; h < 6; h++) CHECK(hashIn(keys[t], h, 6, 3) == placeOfLargest(row, family.windowOf(t, h), 8));
  }
}

TEST(dwta_of_sparse_constant_and_empty_vectors) {
  const DensifiedWta family(settingsOf("dwta", 64, 50, 4));
  const std::vector<float> zeros(64, 0.0f), threes(64, 3.0f);
  for (const uint64_t key : keysOf(family, zeros)) CHECK(key == 0);
  for (const uint64_t key : keysOf(family, threes)) CHECK(key == 0);  // all tie: the first place
  const auto sparse = [](std::initializer_list<uint32_t> places, float sign) {
    std::vector<float> row(64, 0.0f);
    float value = 1;
    for (const uint32_t i : places) row[i] = sign * value++;
    return row;
  };
  const auto a = keysOf(family, sparse({3, 17, 40}, 1)), negative = keysOf(family, sparse({3, 17, 40}, -1));
  const auto near = keysOf(family, sparse({3, 17, 41}, 1)), far = keysOf(family, sparse({8, 22, 60}, 1));
  const auto equal = [&](const std::vector<uint64_t>& x) {
    size_t count = 0;
    for (size_t t = 0; t < 50; t++) {
      for (size_t h = 0; h < 4; h++) count += hashIn(a[t], h, 4, 3) == hashIn(x[t], h, 4, 3);
    }
    return count;
  };
  std::set<uint64_t> different(a.begin(), a.end());
  CHECK(different.size() > 40);  // borrowed hashes are spread, not all 0
  CHECK(keysOf(family, sparse({3, 17, 40}, 2)) == a);
  CHECK(equal(near) > equal(far) + 40);
  // A window with one number in it has its place, whatever the sign: absent ones do not win over negative ones.
  size_t single = 0;
  for (size_t t = 0; t < 50; t++) {
    for (size_t h = 0; h < 4; h++) {
      const uint32_t* window = family.windowOf(t, h);
      const auto holds = [&](uint32_t i) { return std::find(window, window + 8, i) != window + 8; };
      if (holds(3) + holds(17) + holds(40) != 1) continue;
      single++;
      CHECK(hashIn(negative[t], h, 4, 3) == hashIn(a[t], h, 4, 3));
    }
  }
  CHECK(single > 20);
}

TEST(a_row_hashes_the_same_alone_and_among_others) {
  const size_t before = threads();
  for (const char* kind : {"simhash", "wta", "dwta"}) {
    const auto family = makeHashFamily(settingsOf(kind, 33, 12, 6));
    check::eachIsa([&] {
      const std::vector<float> rows = check::normals(33 * 203, 1);
      setThreads(1);
      const std::vector<uint32_t> all = hashRows(*family, rows);
      setThreads(3);
      CHECK(hashRows(*family, rows) == all);
      for (const size_t i : {0, 5, 63, 64, 202}) {
        for (const size_t n : {1, 2, 3}) {
          if (i + n > 203) continue;
          const std::vector<float> part(rows.begin() + i * 33, rows.begin() + (i + n) * 33);
          const std::vector<uint32_t> some = hashRows(*family, part);
          CHECK(std::equal(some.begin(), some.end(), all.begin() + i * 12));
        }
      }
    });
  }
  setThreads(before);
}

TEST(long_keys_are_folded_evenly_and_differently_in_each_table) {
  HashSettings settings = settingsOf("simhash", 4, 2, 40);
  settings.rangeBits = 8;
  const SimHash family(settings);
  CHECK(family.buckets() == 256);
  // Keys that differ in a few low, middle or high bits alone.
  for (const unsigned shift : {0u, 12u, 26u}) {
    std::vector<double> counts(256);
    size_t together = 0;
    constexpr size_t kKeys = 16384;
    for (uint64_t i = 0; i < kKeys; i++) {
      const uint32_t bucket = family.bucketOf(i << shift, 0);
      CHECK(bucket < 256);
      counts[bucket]++;
      together += bucket == family.bucketOf(i << shift, 1);
    }
    double chiSquare = 0;
    for (const double count : counts) chiSquare += (count - 64) * (count - 64) / 64;
    CHECK(chiSquare < 255 + 5 * std::sqrt(2.0 * 255));
    CHECK(together < 2 * kKeys / 256);
  }
  const SimHash shorter(settingsOf("simhash", 4, 2, 10));
  CHECK(shorter.buckets() == 1024 && shorter.bucketOf(777, 1) == 777);
}

TEST(bad_settings_are_errors) {
  CHECK(outOfRange([] { makeHashFamily(settingsOf("md5", 8, 2, 2)); }));
  CHECK(outOfRange([] { makeHashFamily(settingsOf("wta", 8, 2, 2, 6)); }));
  CHECK(outOfRange([] { makeHashFamily(settingsOf("wta", 8, 2, 2, 16)); }));
  CHECK(outOfRange([] { makeHashFamily(settingsOf("dwta", 8, 2, 22, 8)); }));
  CHECK(outOfRange([] { makeHashFamily(settingsOf("simhash", 8, 2, 65)); }));
  CHECK(hashNames().size() == 3);
}

TEST_MAIN
