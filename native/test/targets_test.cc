// Targets as they come from a caller: duplicates merged, classes grouped, mistakes named.

#include <algorithm>
#include <map>
#include <string>

#include "check.h"

#include "base/error.h"
#include "heads/targets.h"

namespace {

using widehead::Targets;

struct Rows {
  std::vector<uint32_t> indptr, indices;
  std::vector<float> values;

  widehead::TargetsInput input() const {
    return {indptr.size() - 1, indptr.data(), indices.data(), indices.size(), values.empty() ? nullptr : values.data()};
  }
};

// The message of the error that `rows` causes; empty if there is none.
std::string complaint(const widehead::TargetsInput& input, size_t numClasses = 10) {
  Targets targets;
  try {
    targets.assign(input, numClasses);
  } catch (const widehead::Error& error) {
    CHECK(error.kind == widehead::ErrorKind::Range);
    CHECK(std::string(error.code) == "WIDEHEAD_OUT_OF_RANGE");
    return error.what();
  }
  return "";
}

bool names(const std::string& message, const char* part) { return message.find(part) != std::string::npos; }

// Everything that Targets promises, against maps.
void compare(const Targets& targets, const Rows& rows) {
  const size_t m = rows.indptr.size() - 1;
  CHECK(targets.examples() == m);
  std::map<uint32_t, std::vector<size_t>> entriesOf;
  size_t k = 0;
  for (size_t j = 0; j < m; j++) {
    CHECK(targets.indptr()[j] == k);
    std::map<uint32_t, float> sums;
    std::vector<uint32_t> inOrder;
    for (uint32_t i = rows.indptr[j]; i < rows.indptr[j + 1]; i++) {
      if (sums.count(rows.indices[i]) == 0) inOrder.push_back(rows.indices[i]);
      sums[rows.indices[i]] += rows.values.empty() ? 1 : rows.values[i];
    }
    for (const uint32_t id : inOrder) {
      CHECK(targets.example(k) == j);
      CHECK(targets.unique()[targets.slot(k)] == id);
      CHECK_NEAR(targets.values()[k], sums[id], 0);
      entriesOf[id].push_back(k++);
    }
  }
  CHECK(targets.indptr()[m] == k);
  CHECK(targets.nnz() == k);
  CHECK(targets.numUnique() == entriesOf.size());
  CHECK(targets.classPtr().size() == entriesOf.size() + 1);
  size_t u = 0;
  for (const auto& [id, entries] : entriesOf) {
    CHECK(targets.unique()[u] == id);
    CHECK(targets.classPtr()[u + 1] - targets.classPtr()[u] == entries.size());
    for (size_t i = 0; i < entries.size(); i++) CHECK(targets.byClass()[targets.classPtr()[u] + i] == entries[i]);
    u++;
  }
}

}  // namespace

TEST(oneClassAnExample) {
  const std::vector<uint32_t> classes = {7, 3, 7, 0};
  Targets targets;
  targets.assign({4, nullptr, classes.data(), 4, nullptr}, 8);
  compare(targets, {{0, 1, 2, 3, 4}, classes, {}});
}

TEST(duplicatesAreAddedUpWhereTheFirstStood) {
  const Rows rows = {{0, 5, 5, 7, 9}, {4, 2, 4, 9, 2, 9, 4, 4, 4}, {1, 2, 4, 8, 16, 32, 64, 128, 256}};
  Targets targets;
  targets.assign(rows.input(), 10);
  compare(targets, rows);
  CHECK(targets.nnz() == 6);
  CHECK(targets.values()[0] == 5 && targets.values()[1] == 18 && targets.values()[5] == 384);
}

TEST(anyMixtureAndReuse) {
  Targets targets;  // one object, so that nothing of a larger minibatch may show in a smaller one
  for (uint64_t seed = 0; seed < 300; seed++) {
    uint64_t draws = 0;
    const auto draw = [&](double below) {
      return static_cast<uint32_t>(below * widehead::randomUniform(seed, draws++));
    };
    const uint32_t m = 1 + draw(seed % 5 == 0 ? 200 : 9);
    const uint32_t numClasses = 1 + draw(seed % 7 == 0 ? 2147483646.0 : seed % 2 == 0 ? 5 : 600);
    Rows rows = {{0}, {}, {}};
    for (uint32_t j = 0; j < m; j++) {
      for (uint32_t count = draw(6); count > 0; count--) {
        // Low and high ids, so that every byte of them counts.
        const uint32_t id = draw(std::min(300u, numClasses));
        rows.indices.push_back(draw(4) == 0 ? numClasses - 1 - id : id);
        if (seed % 3 != 0) rows.values.push_back(static_cast<float>(draw(8)) - 4);  // whole numbers: sums are exact
      }
      rows.indptr.push_back(static_cast<uint32_t>(rows.indices.size()));
    }
    targets.assign(rows.input(), numClasses);
    compare(targets, rows);
  }
}

TEST(manyExamplesOfOneClass) {
  for (const uint32_t numClasses : {1u, 256u, 257u, 70000u, 2147483647u}) {
    std::vector<uint32_t> classes, indptr = {0};
    for (uint32_t j = 0; j < 500; j++) {
      classes.push_back(static_cast<uint32_t>((j * 2654435761u + 12345u) % numClasses));
      indptr.push_back(j + 1);
    }
    Targets targets;
    targets.assign({500, nullptr, classes.data(), 500, nullptr}, numClasses);
    compare(targets, {indptr, classes, {}});
  }
}

TEST(theOwnAreThoseOfTheRank) {
  const std::vector<uint32_t> classes = {7, 2, 9, 2, 1, 4};
  Targets targets;
  targets.assign({6, nullptr, classes.data(), 6, nullptr}, 10);
  CHECK((targets.own() == std::vector<uint32_t>{0, 1, 2, 3, 4}));
  CHECK(targets.ownRows() == targets.unique());
  targets.assign({6, nullptr, classes.data(), 6, nullptr}, 10, {1, 3});  // 1, 4, 7
  CHECK((targets.own() == std::vector<uint32_t>{0, 2, 3}));
  CHECK((targets.ownRows() == std::vector<uint32_t>{0, 1, 2}));
  targets.assign({6, nullptr, classes.data(), 6, nullptr}, 10, {3, 10});
  CHECK(targets.own().empty() && targets.ownRows().empty());
}

TEST(noTargetsAtAll) {
  const Rows rows = {{0, 0, 0}, {}, {}};
  Targets targets;
  targets.assign(rows.input(), 1);
  compare(targets, rows);
}

TEST(mistakesAreNamed) {
  const auto of = [](const Rows& rows) { return complaint(rows.input()); };
  CHECK(names(of({{1, 2}, {0, 0}, {}}), "targets.indptr[0] must be 0, got 1"));
  CHECK(names(of({{0, 2, 1, 3}, {0, 0, 0}, {}}), "indptr[2] = 1 after 2"));
  CHECK(names(of({{0, 9, 2}, {0, 0}, {}}), "indptr[1] = 9 after 0"));
  CHECK(names(of({{0, UINT32_MAX, 2}, {0, 0}, {}}), "indptr[1] = -1"));
  CHECK(names(of({{0, 1}, {0, 0}, {}}), "end with the number of indices, 2, got 1"));
  CHECK(names(of({{0, 2}, {0, 10}, {}}), "from 0 to 9, got 10 at index 1"));
  CHECK(names(of({{0, 2}, {UINT32_MAX, 1}, {}}), "got -1 at index 0"));
  CHECK(names(of({{0, 2}, {0, 1}, {1, check::kNaN}}), "targets.values must be finite, got NaN at index 1"));
  const uint32_t classes[] = {3, UINT32_MAX};
  CHECK(names(complaint({2, nullptr, classes, 2, nullptr, true, false}),
              "targets must be class ids from 0 to 9, got 4294967295"));
  CHECK(names(of({{0, 1}, {10}, {}}), "targets.indices must be"));
  CHECK(of({{0, 2}, {0, 9}, {1, -1e38f}}).empty());
}

TEST(aMistakeLeavesTheTargetsAsTheyWere) {
  const Rows good = {{0, 2, 3}, {4, 4, 1}, {1, 2, 3}}, bad = {{0, 1}, {99}, {}};
  Targets targets;
  targets.assign(good.input(), 10);
  try {
    targets.assign(bad.input(), 10);
    CHECK(false);
  } catch (const widehead::Error&) {
  }
  compare(targets, good);
}

TEST_MAIN
