// Rows in a file and their journals: whatever is changed, and whenever the process ends, the way back leads to the bits of a generation.

#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "row_file_helpers.h"

using namespace row_file_test;

TEST(a_new_file_is_zero_and_nobody_elses) {
  const RowFileSpec spec = newFile("new");
  auto file = make(spec);
  const std::vector<uint8_t> rows = rowsOf(*file);
  for (const uint8_t byte : rows) CHECK(byte == 0);
  CHECK(contents(spec.path).size() == spec.bytes);
  CHECK(has(errorOf([&] { make(spec); }), "cannot create"));
  const std::string generation = file->beginGeneration();
  CHECK(file->beginGeneration() == generation);  // nothing has changed
  CHECK(has(errorOf([&] { make(opened(spec, generation)); }), "in use"));
  CHECK(has(errorOf([&] { make(opened(spec, generation, true)); }), "in use"));
  file.reset();
  make(opened(spec, generation));
}

TEST(a_file_of_no_checkpoint_goes_with_its_head) {
  const RowFileSpec spec = newFile("never saved");
  make(spec).reset();
  CHECK(!fileExists(spec.path));
  inKilledProcess([&] { new std::unique_ptr<RowFile>(make(spec)); });
  CHECK(has(errorOf([&] { make(opened(spec, "0123456789abcdef")); }), "it was never saved"));
}

TEST(the_way_back_leads_to_the_bits_of_every_generation) {
  for (const bool power : {false, true}) {
    Randoms random(power ? 3 : 2);
    RowFileSpec spec = newFile("random");
    spec.power = power;
    auto file = make(spec);
    std::vector<std::pair<std::string, std::vector<uint8_t>>> saved;  // of this way
    for (int i = 0; i < 30; i++) change(*file, random);
    for (int round = 0; round < (power ? 60 : 300); round++) {
      for (size_t i = random.below(6); i > 0; i--) change(*file, random);
      const std::string generation = file->beginGeneration();
      if (saved.empty() || generation != saved.back().first) saved.push_back({generation, rowsOf(*file)});
      CHECK(saved.back().second == rowsOf(*file));
      for (size_t i = random.below(6); i > 0; i--) change(*file, random);
      if (random.below(3) == 0) file->flush()();
      if (random.below(4) == 0) {  // what checkpoints in a folder name
        const size_t kept = saved.size() - std::min<size_t>(saved.size(), 1 + random.below(4));
        file->keepJournals({saved[kept].first, saved.back().first});
        for (size_t i = 0; i < kept; i++) CHECK(!fileExists(journalOf(spec, saved[i].first)));
        saved.erase(saved.begin(), saved.begin() + static_cast<ptrdiff_t>(kept));
      }
      file.reset();
      const size_t back = saved.size() - 1 - std::min(saved.size() - 1, random.below(8) == 0 ? random.below(3) : 0);
      {
        const std::vector<uint8_t> before = contents(spec.path);
        auto first = make(opened(spec, saved[back].first, true)), second = make(opened(spec, saved[back].first, true));
        CHECK(rowsOf(*first) == saved[back].second && rowsOf(*second) == saved[back].second);
        change(*first, random);
        CHECK(rowsOf(*second) == saved[back].second);
        // Now and then: it waits two seconds for the other to close the file.
        if (random.below(32) == 0) CHECK(has(errorOf([&] { make(opened(spec, saved[back].first)); }), "in use"));
        CHECK(contents(spec.path) == before);
      }
      file = make(opened(spec, saved[back].first));
      CHECK(rowsOf(*file) == saved[back].second);
      std::vector<std::pair<std::string, std::vector<uint8_t>>> left(saved.begin() + static_cast<ptrdiff_t>(back) + 1,
                                                                     saved.end());
      saved.resize(back + 1);
      if (!left.empty()) {  // those that came after are of another way
        file.reset();
        CHECK(has(errorOf([&] { make(opened(spec, left[0].first)); }), "has gone another way"));
        file = make(opened(spec, saved.back().first));
      }
    }
  }
}

TEST(a_process_that_is_killed_leaves_the_way_back) {
  const RowFileSpec spec = newFile("killed");
  auto file = make(spec);
  Randoms random(5);
  for (int i = 0; i < 20; i++) change(*file, random);
  const std::string generation = file->beginGeneration();
  const std::vector<uint8_t> rows = rowsOf(*file);
  file.reset();
  for (int i = 0; i < 5; i++) {
    inKilledProcess([&] {
      auto again = make(opened(spec, generation));
      for (int k = 0; k < 1 + i; k++) change(*again, random);
      if (i > 2) again->beginGeneration();  // of a checkpoint that never came to be
      if (i > 3) change(*again, random);
      // No destructor runs.
      new std::unique_ptr<RowFile>(std::move(again));
    });
    CHECK(fileExists(journalOf(spec, generation)));
    auto after = make(opened(spec, generation));
    CHECK(rowsOf(*after) == rows);
    CHECK(!fileExists(journalOf(spec, generation)));
  }
}

// As a save ends beside steps: a race would be for the thread sanitizer to find.
TEST(journals_go_while_rows_change) {
  const RowFileSpec spec = newFile("beside");
  auto file = make(spec);
  Randoms random(12);
  std::string kept = file->beginGeneration();
  std::vector<uint8_t> rows;
  for (int round = 0; round < 30; round++) {
    rows = rowsOf(*file);
    const std::function<void()> flush = file->flush();
    std::thread steps([&] {
      for (int i = 0; i < 5; i++) change(*file, random);
    });
    std::thread flushing(flush);
    const std::vector<std::string> led = file->keepJournals({kept});
    CHECK(led.front() == kept);
    steps.join();
    flushing.join();
    if (round < 29) kept = file->beginGeneration();
  }
  file.reset();
  CHECK(rowsOf(*make(opened(spec, kept))) == rows);
}

// The same rows in memory and in a file: a store has no other numbers for where they are.
TEST(a_store_in_a_file_has_the_bits_of_one_in_memory) {
  const RowFileSpec spec = newFile("store");
  RowStore memory(kRows, kFeatures, 4), file(kRows, kFeatures, 4, make(spec));
  Randoms random(9);
  file.file()->beginGeneration();
  for (int round = 0; round < 400; round++) {
    std::vector<uint32_t> classes;
    for (size_t i = 0; i < 9; i++) classes.push_back(static_cast<uint32_t>(random.below(kRows / (1 + i % 3))));
    std::vector<float> values;
    for (size_t i = 0; i < kFeatures; i++) values.push_back(static_cast<float>(random.below(100)) / 100);
    for (RowStore* store : {&memory, &file}) {
      std::vector<float> rows(classes.size() * kFeatures);
      std::vector<uint32_t> order;
      store->prefetch(classes.data(), classes.size());
      store->gather(rows.data(), order, classes.data(), classes.size());
      store->touch(classes.data(), classes.size());
      for (size_t i = 0; i < classes.size(); i++) {
        for (size_t k = 0; k < kFeatures; k++) store->raw(classes[order[i]])[k] = rows[i * kFeatures + k] + values[k];
        store->markWritten(classes[order[i]]);
      }
      store->log().append({{values.data(), values.data(), 0.1f}});
      store->log().work(20);
      store->sweep(7);
    }
    if (round % 50 == 0) file.file()->beginGeneration();
  }
  Buffer<float> scratch, other;
  const ConstMatrixF a = memory.current(0, kRows, scratch), b = file.current(0, kRows, other);
  CHECK(std::memcmp(a.data, b.data, kRows * kFeatures * sizeof(float)) == 0);
  for (size_t row = 0; row < kRows; row++)
    CHECK(memory.written(row) == file.written(row) && memory.behind(row) == file.behind(row));
  memory.sweepAll();
  file.sweepAll();
  CHECK(std::memcmp(memory.raw(0), file.raw(0), kRows * kFeatures * sizeof(float)) == 0);
  CHECK(file.bytes() < memory.bytes());
}

TEST_MAIN
