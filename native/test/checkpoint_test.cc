// Byte streams, archives and the files they are written to.
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/archive.h"
#include "base/checksum.h"
#include "base/rng.h"
#include "check.h"
#include "checkpoint/file_plan.h"
#include "checkpoint/forked_writer.h"
#include "exact/correction_log.h"

using namespace widehead;

namespace {

bool goOn(void*) { return true; }

std::vector<uint8_t> contents(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  std::vector<uint8_t> bytes;
  if (file == nullptr) return bytes;
  for (int c; (c = std::fgetc(file)) != EOF;) bytes.push_back(static_cast<uint8_t>(c));
  std::fclose(file);
  return bytes;
}

std::string temporary(const char* name) { return std::string("checkpoint_test.") + name + ".tmp"; }

FilePlan planOf(const std::string& path, const std::vector<const std::vector<uint8_t>*>& parts) {
  std::remove(path.c_str());
  FilePlan plan{path, std::vector<uint8_t>(4096, ' '), 10, {}};
  for (const auto* part : parts) plan.parts.push_back({part->data(), part->size()});
  for (size_t i = 0; i < 8 * (parts.size() + 1); i++) plan.header[10 + i] = '0';
  return plan;
}

void testWriter(bool forked) {
  const std::vector<uint8_t> zeros(100000, 0), none;
  std::vector<uint8_t> mixed(10 << 20, 0);
  for (size_t i = 0; i < 5000; i++)
    mixed[static_cast<size_t>(randomUniform(1, i) * static_cast<double>(mixed.size()))] = 7;
  const std::string path = temporary("written");
  std::vector<FilePlan> plans = {planOf(path, {&mixed, &none, &zeros})};
  if (forked) {
    const int64_t process = forkWriter(plans);
    CHECK(process > 0);
    const std::vector<uint8_t> before = mixed;
    std::fill(mixed.begin(), mixed.end(), uint8_t{9});  // what comes after the fork is not written
    WriterState state;
    while ((state = pollWriter(process)).running) std::this_thread::yield();
    CHECK(state.fault == 0);
    mixed = before;
  } else {
    CHECK(writeFile(plans[0], goOn, nullptr) == 0);
  }
  const std::vector<uint8_t> file = contents(path);
  CHECK(file.size() == 4096 + mixed.size() + zeros.size());
  if (file.size() != 4096 + mixed.size() + zeros.size()) return;
  CHECK(std::memcmp(&file[4096], mixed.data(), mixed.size()) == 0);
  CHECK(std::memcmp(&file[4096 + mixed.size()], zeros.data(), zeros.size()) == 0);
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x", crc32(0, mixed.data(), mixed.size()));
  CHECK(std::memcmp(&file[10], digits, 8) == 0);
  std::vector<uint8_t> header(file.begin(), file.begin() + 4096);
  std::memset(&header[10 + 24], '0', 8);
  std::snprintf(digits, sizeof digits, "%08x", crc32(0, header.data(), header.size()));
  CHECK(std::memcmp(&file[10 + 24], digits, 8) == 0);
  // A file that is there is not touched.
  std::vector<FilePlan> again = plans;
  CHECK(writeFile(again[0], goOn, nullptr) != 0);
  CHECK(contents(path) == file);
  std::remove(path.c_str());
}

TEST(a_file_is_written_here) { testWriter(false); }
#ifndef _WIN32
TEST(a_file_is_written_as_memory_was_at_the_fork) { testWriter(true); }

TEST(a_writer_is_ended_and_waited_for) {
  const std::string path = temporary("ended");
  const std::vector<uint8_t> data(64 << 20, 1);
  std::vector<FilePlan> plans = {planOf(path, {&data})};
  const int64_t process = forkWriter(plans);
  CHECK(process > 0);
  endWriter(process);
  const WriterState state = pollWriter(process);  // no child of ours any more
  CHECK(!state.running);
  CHECK(state.fault == -1);
  endWriter(process);
  std::remove(path.c_str());
}
#endif

TEST(a_writer_gives_up_when_told_to) {
  const std::string path = temporary("given-up");
  const std::vector<uint8_t> data(10 << 20, 1);
  FilePlan plan = planOf(path, {&data});
  int calls = 0;
  const auto once = [](void* count) { return ++*static_cast<int*>(count) < 2; };
  CHECK(writeFile(plan, once, &calls) != 0);
  CHECK(calls == 2);
  std::remove(path.c_str());
  FilePlan nowhere = planOf("no-such-folder/file", {});
  CHECK(writeFile(nowhere, goOn, nullptr) == 2);  // ENOENT
}

bool refuses(const std::vector<uint8_t>& bytes, void (*read)(ByteStream&)) {
  try {
    ByteStream stream(bytes.data(), bytes.size());
    read(stream);
    stream.end();
    return false;
  } catch (const Error& error) {
    return std::string(error.code) == "WIDEHEAD_FILE";
  }
}

TEST(a_stream_believes_no_length) {
  const auto body = [](ByteStream& stream) {
    std::vector<double> list = {1, 2, 3};
    uint32_t number = 5;
    stream.number(number);
    stream.list(list);
    if (number != 5 || list != std::vector<double>{1, 2, 3})
      throw Error(ErrorKind::State, "WIDEHEAD_FILE", "other numbers");
  };
  ByteStream out;
  body(out);
  const std::vector<uint8_t> bytes = out.written();
  CHECK(!refuses(bytes, body));
  for (size_t length = 0; length < bytes.size(); length++)
    CHECK(refuses({bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(length)}, body));
  std::vector<uint8_t> longer = bytes;
  longer.push_back(0);
  CHECK(refuses(longer, body));
  // A length that no memory could hold.
  CHECK(refuses({255, 255, 255, 255, 255, 255, 255, 127}, [](ByteStream& stream) {
    std::vector<double> list;
    stream.list(list);
  }));
}

constexpr size_t kFeatures = 6;

void grow(CorrectionLog& log, size_t entries, uint64_t seed) {
  for (size_t i = 0; i < entries; i++) {
    float y[kFeatures], z[kFeatures];
    for (size_t k = 0; k < kFeatures; k++) {
      y[k] = static_cast<float>(randomUniform(seed, 2 * (i * kFeatures + k)) - 0.5);
      z[k] = static_cast<float>(randomUniform(seed, 2 * (i * kFeatures + k) + 1) - 0.5);
    }
    log.append({{y, z, 0.1f}});
    log.work(log.pace());
  }
}

std::vector<uint8_t> bytesOf(CorrectionLog& log) {
  ByteStream stream;
  log.archive(stream);
  return stream.written();
}

// Saved at any length, loaded, and grown on: the same log, and rows that catch up on it the same bits.
TEST(a_log_goes_on_from_its_bytes) {
  for (size_t length : {0, 1, 3, 4, 17, 200, 1001}) {
    CorrectionLog log(kFeatures, 3), loaded(kFeatures, 3);
    grow(log, length, 1);
    const std::vector<uint8_t> bytes = bytesOf(log);
    ByteStream stream(bytes.data(), bytes.size());
    loaded.archive(stream);
    stream.end();
    CHECK(bytesOf(loaded) == bytes);
    grow(log, 100, 2);
    grow(loaded, 100, 2);
    CHECK(bytesOf(loaded) == bytesOf(log));
    std::vector<float> rows(3 * kFeatures, 1), same = rows;
    const uint64_t positions[] = {log.begin(), length, length + 50};
    log.bringUp(rows.data(), 3, positions);
    loaded.bringUp(same.data(), 3, positions);
    CHECK(rows == same);
  }
}

// Whatever the bytes say: an error, or a log that can be used.
TEST(a_damaged_log_is_refused_or_sound) {
  CorrectionLog log(kFeatures, 3);
  grow(log, 150, 1);
  const std::vector<uint8_t> bytes = bytesOf(log);
  size_t refused = 0;
  for (uint64_t trial = 0; trial < 3000; trial++) {
    std::vector<uint8_t> damaged = bytes;
    const size_t at = static_cast<size_t>(randomUniform(5, 2 * trial) * static_cast<double>(bytes.size()));
    damaged[at] ^= static_cast<uint8_t>(1u << (randomBits(5, 2 * trial + 1) % 8));
    CorrectionLog loaded(kFeatures, 3);
    try {
      ByteStream stream(damaged.data(), damaged.size());
      loaded.archive(stream);
      stream.end();
    } catch (const Error& error) {
      CHECK(std::string(error.code) == "WIDEHEAD_FILE");
      refused++;
      continue;
    }
    std::vector<float> rows(kFeatures, 1);
    const uint64_t position = loaded.begin();
    loaded.bringUp(rows.data(), 1, &position);
    grow(loaded, 20, 3);
    loaded.bringUp(rows.data(), 1, &position);
  }
  CHECK(refused > 100);
}

}  // namespace

TEST_MAIN
