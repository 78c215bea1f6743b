// Hash families against their definitions and their theory; tables and queries against the obvious way to do the same.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/error.h"
#include "base/pool.h"
#include "check.h"
#include "hashing/candidate_query.h"
#include "hashing/hash_tables.h"
#include "hashing/simhash.h"
#include "hashing/winner_take_all.h"

using namespace widehead;

namespace {

HashSettings settingsOf(const char* kind, size_t dimension, size_t tables, size_t hashes, size_t window = 8) {
  HashSettings settings;
  settings.kind = kind;
  settings.dimension = dimension;
  settings.tables = tables;
  settings.hashesPerTable = hashes;
  settings.window = window;
  settings.rangeBits = 16;
  settings.seed = 7;
  return settings;
}

std::vector<uint64_t> keysOf(const HashFamily& family, const std::vector<float>& row) {
  std::vector<uint64_t> keys(family.settings().tables);
  HashScratch::Part part;
  family.prepare(part);
  family.keys(keys.data(), row.data(), row.size(), 1, part);
  return keys;
}

std::vector<uint32_t> hashRows(const HashFamily& family, const std::vector<float>& rows) {
  const size_t n = rows.size() / family.settings().dimension;
  std::vector<uint32_t> out(n * family.settings().tables);
  HashScratch scratch;
  family.hash(out.data(), rows.data(), family.settings().dimension, n, scratch);
  return out;
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

// A unit vector at the given angle from the first axis.
std::vector<float> atAngle(double angle, size_t d) {
  std::vector<float> row(d, 0.0f);
  row[0] = static_cast<float>(std::cos(angle));
  row[1] = static_cast<float>(std::sin(angle));
  return row;
}

std::vector<uint32_t> randomCodes(size_t count, size_t buckets, uint64_t seed) {
  std::vector<uint32_t> codes(count);
  for (size_t i = 0; i < count; i++) codes[i] = static_cast<uint32_t>(randomBits(seed, i) % buckets);
  return codes;
}

HashTables filled(size_t ids, size_t tables, size_t buckets, uint64_t seed) {
  HashTables made(ids, tables, buckets);
  const std::vector<uint32_t> codes = randomCodes(ids * tables, buckets, seed);
  std::copy(codes.begin(), codes.end(), made.codes(0));
  made.rebuild();
  return made;
}

std::vector<uint32_t> idsIn(const HashTables& tables, size_t table, uint32_t bucket) {
  std::vector<uint32_t> ids;
  const auto keep = [&](uint32_t id) {
    ids.push_back(id);
    return true;
  };
  tables.visit(table, bucket, 0, keep, [](uint32_t) {});
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::vector<uint32_t> listOf(const CandidateQuery& query, size_t j) { return {query.ids(j), query.ids(j) + query.size(j)}; }

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

TEST(tables_hold_each_id_once_where_its_code_says) {
  constexpr size_t kIds = 300, kTables = 5, kBuckets = 16;
  HashTables tables = filled(kIds, kTables, kBuckets, 1);
  std::vector<uint32_t> codes(tables.codes(0), tables.codes(0) + kIds * kTables);
  const auto agrees = [&] {
    for (size_t t = 0; t < kTables; t++) {
      for (uint32_t b = 0; b < kBuckets; b++) {
        std::vector<uint32_t> expected;
        for (uint32_t id = 0; id < kIds; id++) {
          if (codes[id * kTables + t] == b) expected.push_back(id);
        }
        CHECK(idsIn(tables, t, b) == expected);
      }
    }
  };
  agrees();
  for (uint64_t round = 0; round < 60; round++) {
    std::vector<uint32_t> ids, fresh;
    size_t differing = 0;
    for (uint32_t id = round % 3; id < kIds; id += 1 + round % 7) {
      ids.push_back(id);
      for (size_t t = 0; t < kTables; t++) {
        // Few buckets, so that ids come back to where they were.
        const uint32_t now = static_cast<uint32_t>(randomBits(round + 2, id * kTables + t) % 3);
        fresh.push_back(now);
        differing += now != codes[id * kTables + t];
        codes[id * kTables + t] = now;
      }
    }
    CHECK(tables.move(ids.data(), fresh.data(), ids.size()) == differing);
    CHECK(tables.move(ids.data(), fresh.data(), ids.size()) == 0);
    agrees();
    if (round % 20 == 19) {
      CHECK(tables.movedShare() == 1);
      tables.rebuild();
      CHECK(tables.movedShare() == 0);
      agrees();
    }
  }
}

TEST(a_pair_is_found_as_often_as_theory_says) {
  constexpr size_t kHashes = 4, kTables = 6, kDraws = 3000;
  for (const double angle : {0.4, 0.9, 1.4}) {
    std::vector<float> rows = atAngle(angle, 4);
    const std::vector<float> query = atAngle(0, 4);
    double found = 0;
    CandidateQuery candidates;
    for (uint64_t seed = 0; seed < kDraws; seed++) {
      HashSettings settings = settingsOf("simhash", 4, kTables, kHashes);
      settings.seed = seed;
      const SimHash family(settings);
      HashTables tables(1, kTables, family.buckets());
      const std::vector<uint32_t> row = hashRows(family, rows), asked = hashRows(family, query);
      std::copy(row.begin(), row.end(), tables.codes(0));
      tables.rebuild();
      candidates.byCount(tables, asked.data(), 1, {1});
      found += static_cast<double>(candidates.size(0));
    }
    const double once = std::pow(1 - angle / 3.14159265358979, kHashes), p = 1 - std::pow(1 - once, kTables);
    CHECK_NEAR(found / kDraws, p, 4 * std::sqrt(p * (1 - p) / kDraws));
  }
}

TEST(candidates_by_count_are_the_best_of_all) {
  constexpr size_t kIds = 500, kTables = 20, kBuckets = 8, kExamples = 13;
  HashTables tables = filled(kIds, kTables, kBuckets, 3);
  std::vector<uint32_t> ids, fresh = randomCodes(100 * kTables, kBuckets, 9);
  for (uint32_t i = 0; i < 100; i++) ids.push_back(5 * i);
  tables.move(ids.data(), fresh.data(), 100);
  const std::vector<uint32_t> asked = randomCodes(kExamples * kTables, kBuckets, 4);
  const size_t before = threads();
  for (const size_t keep : {1, 7, 60, 500}) {
    CandidateQuery one, many;
    setThreads(1);
    one.byCount(tables, asked.data(), kExamples, {keep});
    setThreads(3);
    many.byCount(tables, asked.data(), kExamples, {keep});
    for (size_t j = 0; j < kExamples; j++) {
      std::vector<std::pair<size_t, uint32_t>> ranked;  // (tables that miss it, id)
      for (uint32_t id = 0; id < kIds; id++) {
        size_t missed = 0;
        for (size_t t = 0; t < kTables; t++) missed += tables.codes(id)[t] != asked[j * kTables + t];
        if (missed < kTables) ranked.push_back({missed, id});
      }
      std::sort(ranked.begin(), ranked.end());
      ranked.resize(std::min(keep, ranked.size()));
      std::vector<uint32_t> expected;
      for (const auto& [missed, id] : ranked) expected.push_back(id);
      CHECK(listOf(one, j) == expected);
      CHECK(listOf(many, j) == expected);
    }
  }
  setThreads(before);
}

TEST(a_limit_on_buckets_takes_a_piece_that_the_seed_draws) {
  HashTables tables = filled(1000, 1, 2, 3);
  const uint32_t asked[] = {1, 1};
  std::set<uint32_t> all;
  for (uint64_t seed = 0; seed < 200; seed++) {
    CandidateQuery query;
    query.byCount(tables, asked, 2, {1000, 40, seed});
    CHECK(query.size(0) == 40);
    CHECK(listOf(query, 0) == listOf(query, 1));
    for (const uint32_t id : listOf(query, 0)) {
      CHECK(tables.codes(id)[0] == 1);
      all.insert(id);
    }
  }
  CHECK(all.size() == idsIn(tables, 0, 1).size());
}

TEST(enough_is_enough) {
  const HashTables tables = filled(2000, 10, 16, 5);
  const std::vector<uint32_t> asked = randomCodes(8 * 10, 16, 6);
  CandidateQuery query, again, other;
  query.untilEnough(tables, asked.data(), 8, {150, 1000, 1});
  again.untilEnough(tables, asked.data(), 8, {150, 1000, 1});
  other.untilEnough(tables, asked.data(), 8, {150, 1000, 2});
  size_t differing = 0;
  for (size_t j = 0; j < 8; j++) {
    const std::vector<uint32_t> ids = listOf(query, j);
    CHECK(ids.size() == 150 && std::set<uint32_t>(ids.begin(), ids.end()).size() == 150);
    for (const uint32_t id : ids) {
      bool collides = false;
      for (size_t t = 0; t < 10; t++) collides |= tables.codes(id)[t] == asked[j * 10 + t];
      CHECK(collides);
    }
    CHECK(listOf(again, j) == ids);
    differing += listOf(other, j) != ids;
  }
  CHECK(differing > 4);
  query.untilEnough(tables, asked.data(), 8, {2000, 2000, 1});  // more than there are: all of the buckets
  CandidateQuery counted;
  counted.byCount(tables, asked.data(), 8, {2000});
  for (size_t j = 0; j < 8; j++) CHECK(query.size(j) == counted.size(j) && query.size(j) < 2000);
}

TEST(the_union_takes_ranks_in_turn) {
  const HashTables tables = filled(400, 6, 8, 8);
  const std::vector<uint32_t> asked = randomCodes(5 * 6, 8, 2);
  CandidateQuery query;
  query.byCount(tables, asked.data(), 5, {30});
  const std::vector<uint32_t> known = {query.ids(0)[0], query.ids(1)[1], 399};
  std::vector<uint32_t> expected;
  std::set<uint32_t> seen(known.begin(), known.end());
  for (size_t rank = 0; rank < 30; rank++) {
    for (size_t j = 0; j < 5; j++) {
      if (rank < query.size(j) && seen.insert(query.ids(j)[rank]).second) expected.push_back(query.ids(j)[rank]);
    }
  }
  for (const size_t limit : {0, 1, 17, 1000}) {
    std::vector<uint32_t> first(expected.begin(), expected.begin() + static_cast<ptrdiff_t>(std::min(limit, expected.size())));
    CHECK(query.unite(limit, known.data(), known.size(), 400) == first);
  }
}

TEST(ids_are_counted_whatever_the_size_of_the_table) {
  IdCounter counter;
  for (const size_t numIds : {100, 1000000}) {
    for (uint64_t round = 0; round < 20; round++) {
      counter.start(700, numIds);
      std::map<uint32_t, uint32_t> expected;
      for (size_t i = 0; i < 600; i++) {
        const uint32_t id = static_cast<uint32_t>(randomBits(round, i) % (i % 2 ? numIds : 50));
        CHECK(counter.add(id) == ++expected[id]);
      }
      CHECK(counter.size() == expected.size());
      for (size_t i = 0; i < counter.size(); i++) CHECK(counter.count(i) == expected[counter.id(i)]);
    }
  }
}

TEST_MAIN
