// Hash tables, candidates and the counter of ids against the obvious way to do the same.
#include <algorithm>
#include <map>
#include <set>

#include "base/pool.h"
#include "check.h"
#include "hash_helpers.h"
#include "hashing/candidate_query.h"
#include "hashing/hash_tables.h"
#include "hashing/simhash.h"

using namespace widehead;

namespace {

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

std::vector<uint32_t> listOf(const CandidateQuery& query, size_t j) {
  return {query.ids(j), query.ids(j) + query.size(j)};
}

}  // namespace

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
    std::vector<float> rows = check::atAngle(angle, 4);
    const std::vector<float> query = check::atAngle(0, 4);
    double found = 0;
    CandidateQuery candidates;
    for (uint64_t seed = 0; seed < kDraws; seed++) {
      HashSettings settings = check::settingsOf("simhash", 4, kTables, kHashes);
      settings.seed = seed;
      const SimHash family(settings);
      HashTables tables(1, kTables, family.buckets());
      const std::vector<uint32_t> row = check::hashRows(family, rows), asked = check::hashRows(family, query);
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
    std::vector<uint32_t> first(expected.begin(),
                                expected.begin() + static_cast<ptrdiff_t>(std::min(limit, expected.size())));
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
