#include "base/disk_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/error.h"

#ifndef _WIN32
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#ifdef __APPLE__
#include <sys/sysctl.h>
#endif
#include <unistd.h>
#endif

namespace widehead {

#ifdef _WIN32

DiskFile::DiskFile(std::string path, Mode) : path_(std::move(path)) {
  throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE", "storage.kind must be memory on Windows, got file");
}
DiskFile::~DiskFile() = default;
uint64_t DiskFile::size() const { return 0; }
void DiskFile::lock(bool) {}
void DiskFile::fillHoles(uint64_t) {}
void DiskFile::allocate(uint64_t) {}
void DiskFile::write(const void*, size_t, uint64_t) {}
size_t DiskFile::read(void*, size_t, uint64_t) const { return 0; }
void DiskFile::sync() const {}
void DiskFile::syncFolder() const {}
void DiskFile::fail(const char* what, int) const { throw Error(ErrorKind::State, "WIDEHEAD_FILE", what); }
bool fileExists(const std::string&) { return false; }
void removeFile(const std::string&) noexcept {}
std::string bootId() { return {}; }

#else

namespace {

constexpr int kLockTries = 20;  // a copy of a killed process may hold its files for a moment, until it has closed them
constexpr unsigned kLockPause = 25000;  // microseconds

// 0, or the number of the error.
int setAside(int file, uint64_t bytes) {
  const off_t length = static_cast<off_t>(bytes);
#ifdef __APPLE__
  fstore_t store = {F_ALLOCATEALL, F_PEOFPOSMODE, 0, length, 0};
  return fcntl(file, F_PREALLOCATE, &store) == 0 && ftruncate(file, length) == 0 ? 0 : errno;
#else
  int fault;
  do fault = posix_fallocate(file, 0, length);
  while (fault == EINTR);
  return fault;
#endif
}

}  // namespace

DiskFile::DiskFile(std::string path, Mode mode) : path_(std::move(path)) {
  const int flags = mode == Mode::Create ? O_RDWR | O_CREAT | O_EXCL : mode == Mode::Change ? O_RDWR : O_RDONLY;
  file_ = open(path_.c_str(), flags | O_CLOEXEC, 0666);
  if (file_ < 0) fail(mode == Mode::Create ? "cannot create" : "cannot open", errno);
}

DiskFile::~DiskFile() { close(file_); }

void DiskFile::fail(const char* what, int fault) const {
  throw Error(ErrorKind::State, "WIDEHEAD_FILE", std::string(what) + " " + path_ + ": " + std::strerror(fault));
}

uint64_t DiskFile::size() const {
  // Not fstat, which is a symbol of glibc 2.33; reads and writes say where, so that the position is free.
  const off_t end = lseek(file_, 0, SEEK_END);
  if (end < 0) fail("cannot read", errno);
  return static_cast<uint64_t>(end);
}

void DiskFile::lock(bool shared) {
  for (int i = 0; flock(file_, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0; i++) {
    if (errno != EWOULDBLOCK && errno != EINTR) fail("cannot lock", errno);
    if (i == kLockTries)
      throw Error(ErrorKind::State, "WIDEHEAD_FILE", path_ + " is in use by another head or process");
    usleep(kLockPause);
  }
}

void DiskFile::allocate(uint64_t bytes) {
  struct statvfs disk;
  if (fstatvfs(file_, &disk) != 0) fail("cannot read the file system of", errno);
  const uint64_t free = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (free < bytes) {
    throw Error(ErrorKind::State, "WIDEHEAD_FILE",
                path_ + " needs " + std::to_string(bytes) + " bytes, but its file system has " + std::to_string(free) +
                    " left");
  }
  const int fault = setAside(file_, bytes);
  if (fault != 0) fail(("cannot set " + std::to_string(bytes) + " bytes aside for").c_str(), fault);
}

void DiskFile::fillHoles(uint64_t bytes) {
#ifdef FALLOC_FL_KEEP_SIZE
  int fault;
  do fault = fallocate(file_, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
  while (fault == EINTR);
  if (fault != 0 && fault != EOPNOTSUPP && fault != ENOSYS)
    fail("there are holes, and cannot set aside what is left out of", fault);
#else
  (void)bytes;
#endif
}

void DiskFile::write(const void* data, size_t bytes, uint64_t at) {
  const char* from = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = pwrite(file_, from, bytes, static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail("cannot write", written == 0 ? ENOSPC : errno);
    from += written;
    bytes -= static_cast<size_t>(written);
    at += static_cast<uint64_t>(written);
  }
}

size_t DiskFile::read(void* data, size_t bytes, uint64_t at) const {
  size_t done = 0;
  while (done < bytes) {
    const ssize_t count = pread(file_, static_cast<char*>(data) + done, bytes - done, static_cast<off_t>(at + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("cannot read", errno);
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
}

void DiskFile::sync() const {
#ifdef __APPLE__
  if (fcntl(file_, F_FULLFSYNC) == 0) return;  // fsync leaves it in the disk's own memory there
#endif
  if (fsync(file_) != 0) fail("cannot flush", errno);
}

void DiskFile::syncFolder() const {
  const size_t slash = path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
  const int file = open(folder.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = file >= 0 && fsync(file) == 0;
  const int fault = errno;
  if (file >= 0) close(file);
  if (!synced) fail("cannot flush the folder of", fault);
}

bool fileExists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

void removeFile(const std::string& path) noexcept { unlink(path.c_str()); }

#ifdef __APPLE__
std::string bootId() {
  char text[64] = {};
  size_t size = sizeof text - 1;
  return sysctlbyname("kern.bootsessionuuid", text, &size, nullptr, 0) == 0 ? std::string(text) : std::string();
}
#else
std::string bootId() {
  char text[64] = {};
  std::FILE* file = std::fopen("/proc/sys/kernel/random/boot_id", "re");
  if (file == nullptr) return {};
  const bool found = std::fgets(text, sizeof text, file) != nullptr;
  std::fclose(file);
  return found ? std::string(text, std::strcspn(text, "\n")) : std::string();
}
#endif

#endif

}  // namespace widehead
