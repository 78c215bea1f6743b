// Files of rows and journals that are damaged, copied without their zeros, on a machine that crashed or a disk that is full: refused, or
// brought back to the bits.

#include <sys/resource.h>

#ifdef __linux__
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#endif

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "row_file_helpers.h"

using namespace row_file_test;

// What exceeds the limit ends the process, as a kill would that comes at that moment.
TEST(a_file_that_was_not_set_aside_says_what_it_is) {
  const RowFileSpec spec = newFile("cut off");
  inKilledProcess([&] {
    const rlimit none{0, 0}, size{kHeader + 4096, kHeader + 4096};
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_FSIZE, &size);
    signal(SIGXFSZ, SIG_DFL);
    make(spec);
  });
  const std::vector<uint8_t> left = contents(spec.path);
  CHECK(left.size() < spec.bytes && left.size() >= kHeader);
  CHECK(std::equal(spec.header.begin(), spec.header.end(), left.begin()));
  removeFile(spec.path);
}

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

// As if the machine had been started anew since the journal was made.
void makeOfAnotherStart(const std::string& journal) {
  std::vector<uint8_t> bytes = contents(journal);
  bytes[40] ^= 1;  // the first letter of the machine's start
  const uint32_t crc = crc32(0, bytes.data(), 84);
  std::memcpy(&bytes[84], &crc, sizeof crc);
  replace(journal, bytes);
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
      makeOfAnotherStart(journal);
      if (power || closed) {
        CHECK(rowsOf(*make(opened(spec, generation))) == rows);
      } else {
        CHECK(has(errorOf([&] { make(opened(spec, generation)); }), "started anew since, or is another"));
      }
    }
  }
}

// Three saves that failed before anything was flushed; the head is closed all the same, and closing flushes.
TEST(a_file_that_was_closed_leads_back_over_checkpoints_that_never_came_to_be) {
  if (bootId().empty()) return;
  const RowFileSpec spec = newFile("unsettled");
  auto file = make(spec);
  Randoms random(11);
  change(*file, random);
  const std::string first = file->beginGeneration();
  const std::vector<uint8_t> rows = rowsOf(*file);
  file->flush()();
  std::vector<std::string> generations = {first};
  for (int i = 0; i < 3; i++) {
    change(*file, random);
    generations.push_back(file->beginGeneration());
  }
  change(*file, random);
  file.reset();
  for (const std::string& generation : generations) makeOfAnotherStart(journalOf(spec, generation));
  CHECK(rowsOf(*make(opened(spec, first))) == rows);
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

// As `cp --sparse=always`, `tar -S` and `rsync -S` leave a file: without its zeros.
void makeSparse(const std::string& path) {
  const std::vector<uint8_t> bytes = contents(path);
  removeFile(path);
  DiskFile file(path, DiskFile::Mode::Create);
  CHECK(ftruncate(file.descriptor(), static_cast<off_t>(bytes.size())) == 0);
  for (size_t at = 0; at < bytes.size(); at += kPageBytes) {
    const size_t size = std::min<size_t>(kPageBytes, bytes.size() - at);
    const bool zero = std::all_of(&bytes[at], &bytes[at] + size, [](uint8_t byte) { return byte == 0; });
    if (!zero) file.write(&bytes[at], size, at);
  }
}

#ifdef __linux__
uint64_t bytesOnDisk(const std::string& path) {
  struct stat found;
  CHECK(stat(path.c_str(), &found) == 0);
  return static_cast<uint64_t>(found.st_blocks) * 512;
}

TEST(a_file_that_was_copied_without_its_zeros_gets_their_room_back) {
  const RowFileSpec spec = newFile("sparse");
  auto file = make(spec);
  const std::string generation = file->beginGeneration();
  file.reset();
  makeSparse(spec.path);
  const uint64_t before = bytesOnDisk(spec.path);
  CHECK(before < spec.bytes);
  make(opened(spec, generation, true));
  CHECK(bytesOnDisk(spec.path) == before);  // who only reads leaves it as it is
  make(opened(spec, generation));
  CHECK(bytesOnDisk(spec.path) >= spec.bytes);
}

// Without that room, the first step that comes to a page that is not there would end the process.
TEST(a_disk_that_is_too_small_for_the_zeros_is_an_error) {
  const pid_t child = fork();
  if (child == 0) {
    char folder[] = "row_file_test.XXXXXX";
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mkdtemp(folder) == nullptr)
      _exit(2);
    if (mount("none", folder, "tmpfs", 0, "size=64k") != 0) _exit(2);
    RowFileSpec spec = newFile("unused");
    spec.path = std::string(folder) + "/rows";
    auto file = make(spec);
    const std::string generation = file->beginGeneration();
    file.reset();
    makeSparse(spec.path);
    DiskFile(std::string(folder) + "/full", DiskFile::Mode::Create).allocate(48 << 10);
    const bool refused = has(errorOf([&] { make(opened(spec, generation)); }), "there are holes");
    umount(folder);
    rmdir(folder);
    _exit(refused ? 0 : 1);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) != 1);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) std::printf("  (skipped: needs to mount a tmpfs)\n");
}
#endif
