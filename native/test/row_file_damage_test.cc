// Files of rows and journals that are damaged, on a machine that crashed or a disk that is full: refused, or brought back to the bits.

#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "row_file_helpers.h"

using namespace row_file_test;

TEST(a_block_that_was_cut_off_is_left_out_and_any_other_damage_is_refused) {
  const RowFileSpec spec = newFile("damage");
  auto file = make(spec);
  Randoms random(6);
  for (int i = 0; i < 20; i++) change(*file, random);
  const std::string generation = file->beginGeneration(), journal = journalOf(spec, generation);
  const std::vector<uint8_t> rows = rowsOf(*file);
  for (int i = 0; i < 6; i++) change(*file, random);
  file.reset();
  const std::vector<uint8_t> whole = contents(journal), changed = contents(spec.path);
  const auto load = [&] { return make(opened(spec, generation, true)); };
  // What is behind the end was never followed by a change, whole or not.
  for (const size_t more : {size_t{1}, size_t{23}, size_t{24}, size_t{500}}) {
    std::vector<uint8_t> longer = whole;
    longer.insert(longer.end(), whole.end() - static_cast<ptrdiff_t>(std::min(more, whole.size())), whole.end());
    replace(journal, longer);
    CHECK(rowsOf(*load()) == rows);
  }
  for (int trial = 0; trial < 300; trial++) {
    std::vector<uint8_t> bytes = whole;
    bytes[random.below(bytes.size())] ^= static_cast<uint8_t>(1 << random.below(8));
    replace(journal, bytes);
    // Of the header, `settled` is free: any number but 0 is yes; of `end`, what is lower says less.
    const std::string error = errorOf([&] { CHECK(rowsOf(*load()) == rows); });
    CHECK(error.empty() || has(error, "damaged"));
    const bool inBlocks = std::memcmp(bytes.data(), whole.data(), 104) == 0;
    CHECK(!inBlocks || !error.empty());
  }
  for (const size_t length : {size_t{0}, size_t{50}, size_t{104}, whole.size() - 1}) {
    replace(journal, {whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length)});
    CHECK(has(errorOf([&] { load(); }), "damaged"));
  }
  removeFile(journal);
  CHECK(has(errorOf([&] { load(); }), "the journal that would lead back is gone"));
  CHECK(contents(spec.path) == changed);
  replace(journal, whole);
  CHECK(rowsOf(*make(opened(spec, generation))) == rows);
}

TEST(a_header_that_is_damaged_is_refused) {
  const RowFileSpec spec = newFile("header");
  auto file = make(spec);
  const std::string generation = file->beginGeneration();
  file.reset();
  const std::vector<uint8_t> whole = contents(spec.path);
  for (size_t at = 0; at < 44; at++) {
    std::vector<uint8_t> bytes = whole;
    bytes[spec.stateAt + at] ^= 1;
    replace(spec.path, bytes);
    const std::string error = errorOf([&] { make(opened(spec, generation)); });
    // Not the space before the checksum.
    CHECK(at == 35 || has(error, "damaged"));
  }
  replace(spec.path, {whole.begin(), whole.end() - 1});
  CHECK(has(errorOf([&] { make(opened(spec, generation)); }), "bytes, expected"));
}

TEST(after_a_crash_of_the_machine_only_what_reached_the_disk_leads_back) {
  if (bootId().empty()) return;
  for (const bool power : {false, true}) {
    for (const bool closed : {false, true}) {
      RowFileSpec spec = newFile("boot");
      spec.power = power;
      auto file = make(spec);
      Randoms random(7);
      change(*file, random);
      const std::string generation = file->beginGeneration(), journal = journalOf(spec, generation);
      const std::vector<uint8_t> rows = rowsOf(*file);
      file.reset();
      const auto changing = [&] {
        auto again = make(opened(spec, generation));
        change(*again, random);
        if (!closed) new std::unique_ptr<RowFile>(std::move(again));
      };
      inKilledProcess(changing);
      std::vector<uint8_t> bytes = contents(journal);
      bytes[40] ^= 1;  // the first letter of the machine's start
      const uint32_t crc = crc32(0, bytes.data(), 84);
      std::memcpy(&bytes[84], &crc, sizeof crc);
      replace(journal, bytes);
      if (power || closed) {
        CHECK(rowsOf(*make(opened(spec, generation))) == rows);
      } else {
        CHECK(has(errorOf([&] { make(opened(spec, generation)); }), "started anew"));
      }
    }
  }
}

TEST(a_disk_that_is_full_is_an_error_and_changes_nothing) {
  struct rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, SIG_IGN);
  const auto limit = [&](rlim_t bytes) {
    const struct rlimit limited = {bytes, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limited);
  };
  const RowFileSpec spec = newFile("full");
  limit(spec.bytes - 1);
  CHECK(has(errorOf([&] { make(spec); }), "cannot set"));
  CHECK(!fileExists(spec.path));
  limit(before.rlim_cur);
  RowFileSpec huge = newFile("huge");
  huge.bytes = size_t{1} << 60;
  CHECK(has(errorOf([&] { make(huge); }), "bytes, but its file system has"));
  CHECK(!fileExists(huge.path));

  auto file = make(spec);
  Randoms random(8);
  for (int i = 0; i < 50; i++) change(*file, random);
  const std::string generation = file->beginGeneration();
  const std::vector<uint8_t> rows = rowsOf(*file);
  limit(2000);
  std::string error;
  std::vector<uint8_t> last = rows;
  for (int i = 0; i < 100 && error.empty(); i++) {
    last = rowsOf(*file);
    error = errorOf([&] { change(*file, random); });
  }
  CHECK(has(error, "cannot write"));
  CHECK(rowsOf(*file) == last);
  limit(before.rlim_cur);
  for (int i = 0; i < 100; i++) change(*file, random);
  file.reset();
  CHECK(rowsOf(*make(opened(spec, generation))) == rows);
}

TEST_MAIN
