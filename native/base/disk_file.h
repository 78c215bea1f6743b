// An open file whose failures are errors of one line. There are none on Windows: opening one says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace widehead {

class DiskFile {
 public:
  enum class Mode { Create, Change, Read };  // Create: there must be none of this name

  // Throws Error WIDEHEAD_FILE, as everything here does.
  DiskFile(std::string path, Mode mode);
  ~DiskFile();
  DiskFile(const DiskFile&) = delete;
  DiskFile& operator=(const DiskFile&) = delete;

  const std::string& path() const { return path_; }
  int descriptor() const { return file_; }
  uint64_t size() const;
  // Keeps others from locking it, or (shared) from locking it for themselves alone, until it is closed.
  void lock(bool shared);
  // Sets `bytes` bytes aside on the disk, all zero: nothing that is written there later lacks space.
  void allocate(uint64_t bytes);
  // The same for holes among the first `bytes` bytes of a file that is there: a copy may have left out what is zero. Where the file
  // system cannot, they stay.
  void fillHoles(uint64_t bytes);
  void write(const void* data, size_t bytes, uint64_t at);
  // How many bytes there were to read.
  size_t read(void* data, size_t bytes, uint64_t at) const;
  // Waits until its bytes are on the disk; so that it is found there, its folder has to be as well.
  void sync() const;
  void syncFolder() const;

 private:
  [[noreturn]] void fail(const char* what, int fault) const;

  const std::string path_;
  int file_ = -1;
};

bool fileExists(const std::string& path);
void removeFile(const std::string& path) noexcept;
// Of this start of the machine, as far as the system tells; else nothing.
std::string bootId();

}  // namespace widehead
