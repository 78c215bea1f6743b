// Files of rows for tests: made, changed as steps change them, left by processes that die, and looked at.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "check.h"
#include "exact/row_file.h"
#include "exact/row_store.h"

namespace row_file_test {

using namespace widehead;

inline constexpr size_t kRows = 700, kFeatures = 5, kHeader = 4096;

class Randoms {
 public:
  explicit Randoms(uint64_t seed) : seed_(seed) {}
  size_t below(size_t n) { return static_cast<size_t>(randomUniform(seed_, next_++) * static_cast<double>(n)); }

 private:
  const uint64_t seed_;
  uint64_t next_ = 0;
};

inline RowFileSpec specOf(const char* name) {
  RowFileSpec spec;
  spec.path = std::string("row_file_test.") + name + ".tmp";
  spec.bytes = kHeader + kRows * (kFeatures + 1) * sizeof(float);
  spec.stateAt = 100;
  spec.rowsAt = kHeader;
  spec.stampsAt = kHeader + kRows * kFeatures * sizeof(float);
  spec.isPrivate = spec.power = false;
  return spec;
}

inline RowFileSpec newFile(const char* name) {
  RowFileSpec spec = specOf(name);
  removeFile(spec.path);
  spec.header.assign(kHeader, ' ');
  return spec;
}

inline RowFileSpec opened(RowFileSpec spec, const std::string& generation, bool isPrivate = false) {
  spec.header.clear();
  spec.generation = generation;
  spec.isPrivate = isPrivate;
  return spec;
}

inline std::unique_ptr<RowFile> make(const RowFileSpec& spec) {
  return std::make_unique<RowFile>(spec, kRows, kFeatures);
}

inline std::vector<uint8_t> rowsOf(const RowFile& file) {
  const auto* from = reinterpret_cast<const uint8_t*>(file.rows());
  return {from, from + kRows * (kFeatures + 1) * sizeof(float)};
}

inline std::string journalOf(const RowFileSpec& spec, const std::string& generation) {
  return spec.path + "." + generation + ".journal";
}

// A step: some rows become other numbers.
inline void change(RowFile& file, Randoms& random, size_t most = 40) {
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
inline bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

inline std::vector<uint8_t> contents(const std::string& path) {
  DiskFile file(path, DiskFile::Mode::Read);
  std::vector<uint8_t> bytes(file.size());
  file.read(bytes.data(), bytes.size(), 0);
  return bytes;
}
inline void replace(const std::string& path, const std::vector<uint8_t>& bytes) {
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

}  // namespace row_file_test
