#include "checkpoint/file_plan.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#ifdef _WIN32
#define NOMINMAX
#include <io.h>
#include <sys/stat.h>
#include <windows.h>
#else
#include <unistd.h>
#endif

#include "base/checksum.h"

namespace widehead {

namespace {

constexpr size_t kPiece = size_t{1} << 22;  // checked and written at a time: fits into the caches
constexpr size_t kHole = 4096;              // a block of the file system, mostly

// What differs between systems.
#ifdef _WIN32
// Paths come from JavaScript as UTF-8.
int openNew(const char* path) {
  std::wstring wide(static_cast<size_t>(MultiByteToWideChar(CP_UTF8, 0, path, -1, nullptr, 0)), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path, -1, &wide[0], static_cast<int>(wide.size()));
  return _wopen(wide.c_str(), _O_CREAT | _O_EXCL | _O_WRONLY | _O_BINARY, _S_IREAD | _S_IWRITE);
}
bool writeAt(int file, const uint8_t* data, size_t size, uint64_t at) {
  return _lseeki64(file, static_cast<int64_t>(at), SEEK_SET) >= 0 &&
         _write(file, data, static_cast<unsigned>(size)) == static_cast<int>(size);
}
bool setLength(int file, uint64_t length) { return _chsize_s(file, static_cast<int64_t>(length)) == 0; }
bool flush(int file) { return _commit(file) == 0; }
bool closeFile(int file) { return _close(file) == 0; }
#else
int openNew(const char* path) { return open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666); }
bool writeAt(int file, const uint8_t* data, size_t size, uint64_t at) {
  while (size > 0) {
    const ssize_t written = pwrite(file, data, size, static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      if (written == 0) errno = ENOSPC;
      return false;
    }
    data += written;
    size -= static_cast<size_t>(written);
    at += static_cast<uint64_t>(written);
  }
  return true;
}
bool setLength(int file, uint64_t length) { return ftruncate(file, static_cast<off_t>(length)) == 0; }
bool flush(int file) { return fsync(file) == 0; }
bool closeFile(int file) { return close(file) == 0; }
#endif

bool allZero(const uint8_t* data, size_t size) {
  uint64_t any = 0, word;
  size_t i = 0;
  for (; i + sizeof word <= size; i += sizeof word) {
    std::memcpy(&word, data + i, sizeof word);
    any |= word;
  }
  for (; i < size; i++) any |= data[i];
  return any == 0;
}

// Writes what is not zero of a piece.
bool writePiece(int file, const uint8_t* data, size_t size, uint64_t at) {
  for (size_t begin = 0; begin < size;) {
    const size_t block = std::min(kHole, size - begin);
    if (allZero(data + begin, block)) {
      begin += block;
      continue;
    }
    size_t end = begin + block;
    while (end < size && !allZero(data + end, std::min(kHole, size - end))) end += std::min(kHole, size - end);
    if (!writeAt(file, data + begin, end - begin, at + begin)) return false;
    begin = end;
  }
  return true;
}

void putHex(uint8_t* to, uint32_t value) {
  for (int i = 7; i >= 0; i--, value >>= 4) to[i] = static_cast<uint8_t>("0123456789abcdef"[value & 15]);
}

bool fill(int file, FilePlan& plan, bool (*goOn)(void*), void* context) {
  uint64_t at = plan.header.size();
  uint8_t* place = plan.header.data() + plan.checksums;
  for (const FilePart& part : plan.parts) {
    uint32_t crc = 0;
    for (size_t done = 0; done < part.bytes;) {
      if (!goOn(context)) {
        errno = EINTR;
        return false;
      }
      const size_t size = std::min(kPiece, part.bytes - done);
      const uint8_t* data = static_cast<const uint8_t*>(part.data) + done;
      crc = crc32(crc, data, size);
      if (!writePiece(file, data, size, at)) return false;
      done += size;
      at += size;
    }
    putHex(place, crc);
    place += 8;
  }
  putHex(place, crc32(0, plan.header.data(), plan.header.size()));
  return setLength(file, at) && writeAt(file, plan.header.data(), plan.header.size(), 0) && flush(file);
}

}  // namespace

int writeFile(FilePlan& plan, bool (*goOn)(void*), void* context) noexcept {
  const int file = openNew(plan.path.c_str());
  if (file < 0) return errno;
  errno = 0;
  const bool filled = fill(file, plan, goOn, context);
  const int fault = filled ? 0 : errno != 0 ? errno : EIO;
  if (!closeFile(file) && filled) return errno;
  return fault;
}

}  // namespace widehead
