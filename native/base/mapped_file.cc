#include "base/mapped_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"

#ifndef _WIN32
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace widehead {

MappedFile::MappedFile(const std::string& path, const std::vector<uint8_t>& header, size_t bytes)
    : file_(path, DiskFile::Mode::Create), bytes_(bytes) {
  try {
    file_.lock(false);
    file_.write(header.data(), header.size(), 0);  // first: what a killed process leaves says what it is
    file_.allocate(bytes);
    map(Access::Shared);
  } catch (...) {
    removeFile(path);
    throw;
  }
}

MappedFile::MappedFile(const std::string& path, size_t bytes, Access access)
    : file_(path, access == Access::Shared ? DiskFile::Mode::Change : DiskFile::Mode::Read), bytes_(bytes) {
  file_.lock(access == Access::Private);
  // A look beyond the end of a file ends the process.
  if (file_.size() != bytes) {
    throw Error(ErrorKind::State, "WIDEHEAD_FILE",
                path + " has " + std::to_string(file_.size()) + " bytes, expected " + std::to_string(bytes));
  }
  if (access == Access::Shared) file_.fillHoles(bytes);
  map(access);
}

#ifdef _WIN32

MappedFile::~MappedFile() = default;
void MappedFile::map(Access) {}
void MappedFile::prefetch(size_t, size_t) const {}
void MappedFile::sync(size_t, size_t) const {}

#else

namespace {

size_t pageBytes() {
  static const size_t bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace

MappedFile::~MappedFile() { munmap(data_, bytes_); }

void MappedFile::map(Access access) {
  int flags = MAP_SHARED;
#ifdef MAP_NORESERVE
  // Of a private copy only what is changed takes memory: nobody has to have room for the whole.
  if (access == Access::Private) flags = MAP_PRIVATE | MAP_NORESERVE;
#else
  if (access == Access::Private) flags = MAP_PRIVATE;
#endif
  void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, flags, file_.descriptor(), 0);
  if (memory == MAP_FAILED) {
    throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_MEMORY",
                "out of memory: cannot map " + std::to_string(bytes_) + " bytes of " + file_.path() + ": " +
                    std::strerror(errno));
  }
  data_ = static_cast<uint8_t*>(memory);
  // Rows lie anywhere: what the system would read ahead is not what comes next.
  madvise(memory, bytes_, MADV_RANDOM);
#ifdef MADV_DONTFORK
  // A copy of the process that writes a checkpoint has no use for pages that go on changing.
  if (access == Access::Shared) madvise(memory, bytes_, MADV_DONTFORK);
#endif
}

void MappedFile::prefetch(size_t begin, size_t end) const {
  const size_t page = pageBytes(), first = begin / page * page;
  end = std::min(end, bytes_);
  if (first < end) madvise(data_ + first, end - first, MADV_WILLNEED);
}

void MappedFile::sync(size_t begin, size_t end) const {
  const size_t page = pageBytes(), first = begin / page * page;
  if (msync(data_ + first, std::min(end, bytes_) - first, MS_SYNC) != 0) {
    throw Error(ErrorKind::State, "WIDEHEAD_FILE", "cannot flush " + file_.path() + ": " + std::strerror(errno));
  }
}

#endif

}  // namespace widehead
