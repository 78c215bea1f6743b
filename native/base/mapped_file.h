// A file as memory: read page by page when it is looked at, written when the system sees fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/disk_file.h"

namespace widehead {

class MappedFile {
 public:
  // Shared: what is written to the memory is written to the file. Private: it stays in memory, and the file may be read-only.
  enum class Access { Shared, Private };

  // A new file of `bytes` bytes that begins with `header` and goes on with zeros. All of it is set aside on the disk, or there is no file.
  MappedFile(const std::string& path, const std::vector<uint8_t>& header, size_t bytes);
  // One that is there. Whoever shares it has it alone.
  MappedFile(const std::string& path, size_t bytes, Access access);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  uint8_t* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  DiskFile& file() { return file_; }
  const DiskFile& file() const { return file_; }

  // Bytes begin .. end will be looked at soon: the system begins to read what it has not, and this returns.
  void prefetch(size_t begin, size_t end) const;
  // Waits until these bytes are on the disk, and no others for their sake.
  void sync(size_t begin, size_t end) const;

 private:
  void map(Access access);

  DiskFile file_;
  const size_t bytes_;
  uint8_t* data_ = nullptr;
};

constexpr size_t kPageBytes = 4096;  // of most systems; where pages are larger, requests for them are rounded

}  // namespace widehead
