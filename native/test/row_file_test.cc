// Rows in a file and their journals: whatever is changed, and whenever the process ends, the way back leads to the very bits of a generation.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#endif

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/rng.h"
#include "check.h"
#include "checkpoint/file_plan.h"
#include "exact/row_file.h"
#include "exact/row_store.h"

using namespace widehead;

namespace {

constexpr size_t kRows = 700, kFeatures = 5, kHeader = 4096;

class Randoms {
 public:
  explicit Randoms(uint64_t seed) : seed_(seed) {}
  size_t below(size_t n) { return static_cast<size_t>(randomUniform(seed_, next_++) * static_cast<double>(n)); }

 private:
  const uint64_t seed_;
  uint64_t next_ = 0;
};

RowFileSpec specOf(const char* name) {
  RowFileSpec spec;
  spec.path = std::string("row_file_test.") + name + ".tmp";
  spec.bytes = kHeader + kRows * (kFeatures + 1) * sizeof(float);
  spec.stateAt = 100;
  spec.rowsAt = kHeader;
  spec.stampsAt = kHeader + kRows * kFeatures * sizeof(float);
  spec.isPrivate = spec.power = false;
  return spec;
}

RowFileSpec newFile(const char* name) {
  RowFileSpec spec = specOf(name);
  removeFile(spec.path);
  spec.header.assign(kHeader, ' ');
  return spec;
}

RowFileSpec opened(RowFileSpec spec, const std::string& generation, bool isPrivate = false) {
  spec.header.clear();
  spec.generation = generation;
  spec.isPrivate = isPrivate;
  return spec;
}

std::unique_ptr<RowFile> make(const RowFileSpec& spec) { return std::make_unique<RowFile>(spec, kRows, kFeatures); }

std::vector<uint8_t> rowsOf(const RowFile& file) {
  const auto* from = reinterpret_cast<const uint8_t*>(file.rows());
  return {from, from + kRows * (kFeatures + 1) * sizeof(float)};
}

std::string journalOf(const RowFileSpec& spec, const std::string& generation) {
  return spec.path + "." + generation + ".journal";
}

// A step: some rows become other numbers.
void change(RowFile& file, Randoms& random, size_t most = 40) {
  std::vector<uint32_t> classes;
  for (size_t i = random.below(most) + 1; i > 0; i--) classes.push_back(static_cast<uint32_t>(random.below(kRows)));
  file.touch(classes.data(), classes.size());
  for (const uint32_t row : classes) {
    for (size_t k = 0; k < kFeatures; k++)
      file.rows()[row * kFeatures + k] = static_cast<float>(random.below(1000)) - 500;
    file.stamps()[row] = kRowWritten | static_cast<uint32_t>(random.below(1 << 20));
  }
}

template <class Body>
std::string errorOf(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.code == std::string("WIDEHEAD_FILE") ? error.what() : "another code";
  }
  return "";
}
bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

std::vector<uint8_t> contents(const std::string& path) {
  DiskFile file(path, DiskFile::Mode::Read);
  std::vector<uint8_t> bytes(file.size());
  file.read(bytes.data(), bytes.size(), 0);
  return bytes;
}
void replace(const std::string& path, const std::vector<uint8_t>& bytes) {
  removeFile(path);
  DiskFile(path, DiskFile::Mode::Create).write(bytes.data(), bytes.size(), 0);
}

// The body in a process that is killed by itself.
template <class Body>
void inKilledProcess(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    try {
      body();
    } catch (...) {
      _exit(1);
    }
    raise(SIGKILL);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
}

}  // namespace

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

// Changes, generations and deaths in random order; after each death, and now and then to an older one, back to a generation.
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

// The state of a journal of another start of the machine, which settle() was never called on.
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
        CHECK(has(errorOf([&] { make(opened(spec, generation)); }), "started anew"));
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
