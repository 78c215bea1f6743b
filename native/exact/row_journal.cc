#include "exact/row_journal.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/checksum.h"
#include "base/error.h"

namespace widehead {

namespace {

constexpr char kMagic[8] = {'w', 'h', 'u', 'n', 'd', 'o', '1', '\n'};
constexpr uint32_t kBlockMagic = 0x6f646e75;  // "undo"
constexpr size_t kBlockRows = 4096;

struct Entry {
  uint32_t row, stamp;
};

}  // namespace

// `settled` and `end` change, each in one write of eight bytes; the checksum is of what is before it.
struct RowJournal::Header {
  char magic[8];
  uint64_t generation, previous, rows, features;
  char boot[40];
  uint32_t power, crc;
  uint64_t settled, end;
};

struct RowJournal::Block {
  uint32_t magic, count;
  uint64_t bytes;
  uint32_t crc, ownCrc;  // of the payload, and of this before ownCrc
};

RowJournal::RowJournal(const std::string& path, const Facts& facts)
    : file_(path, DiskFile::Mode::Create), facts_(facts), boot_(bootId()), end_(sizeof(Header)) {
  static_assert(sizeof(Header) == 104 && sizeof(Block) == 24, "the layout of the file");
  try {
    const Header header = headerNow();
    file_.write(&header, sizeof header, 0);
    file_.sync();
    file_.syncFolder();
  } catch (...) {
    removeFile(path);
    throw;
  }
}

RowJournal::Header RowJournal::headerNow() const {
  Header header{};
  std::copy_n(kMagic, sizeof kMagic, header.magic);
  header.generation = facts_.generation;
  header.previous = facts_.previous;
  header.rows = facts_.rows;
  header.features = facts_.features;
  std::copy_n(boot_.data(), std::min(boot_.size(), sizeof header.boot), header.boot);
  header.power = facts_.power;
  header.crc = crc32(0, &header, offsetof(Header, crc));
  header.settled = settled_;
  header.end = end_;
  return header;
}

RowJournal::RowJournal(const std::string& path) : file_(path, DiskFile::Mode::Read), end_(0) {
  Header header;
  const bool whole = file_.read(&header, sizeof header, 0) == sizeof header;
  if (!whole || std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 ||
      header.crc != crc32(0, &header, offsetof(Header, crc))) {
    damaged("it has no header");
  }
  facts_ = {header.generation, header.previous, header.rows, header.features, header.power != 0};
  boot_.assign(header.boot, strnlen(header.boot, sizeof header.boot));
  settled_ = header.settled;
  end_ = header.end;
}

void RowJournal::damaged(const char* what) const {
  throw Error(ErrorKind::State, "WIDEHEAD_FILE", "the journal " + file_.path() + " is damaged: " + what);
}

bool RowJournal::survived() const { return facts_.power || settled_ != 0 || (!boot_.empty() && boot_ == bootId()); }

void RowJournal::append(const uint32_t* classes, size_t count, const float* rows, const uint32_t* stamps) {
  uint64_t end = end_;
  for (size_t done = 0; done < count; done += kBlockRows) {
    end += appendBlock(classes + done, std::min(kBlockRows, count - done), rows, stamps, end);
  }
  if (facts_.power) file_.sync();
  file_.write(&end, sizeof end, offsetof(Header, end));
  end_ = end;
}

size_t RowJournal::appendBlock(const uint32_t* classes, size_t count, const float* rows, const uint32_t* stamps,
                               uint64_t at) {
  const size_t rowBytes = facts_.features * sizeof(float);
  buffer_.resize(sizeof(Block) + count * (sizeof(Entry) + rowBytes));
  uint8_t *entries = buffer_.data() + sizeof(Block), *values = entries + count * sizeof(Entry);
  for (size_t i = 0; i < count; i++) {
    const Entry entry = {classes[i], stamps[classes[i]]};
    std::memcpy(entries + i * sizeof entry, &entry, sizeof entry);
    if ((entry.stamp & kRowWritten) == 0) continue;
    std::memcpy(values, rows + entry.row * facts_.features, rowBytes);
    values += rowBytes;
  }
  Block block{kBlockMagic, static_cast<uint32_t>(count), static_cast<uint64_t>(values - entries), 0, 0};
  block.crc = crc32(0, entries, block.bytes);
  block.ownCrc = crc32(0, &block, offsetof(Block, ownCrc));
  std::memcpy(buffer_.data(), &block, sizeof block);
  file_.write(buffer_.data(), sizeof block + block.bytes, at);
  return sizeof block + block.bytes;
}

void RowJournal::settle() {
  if (settled_ != 0) return;
  file_.sync();
  settled_ = 1;
  file_.write(&settled_, sizeof settled_, offsetof(Header, settled));
  file_.sync();
}

bool RowJournal::readBlock(uint64_t at, Block& block, std::vector<uint8_t>& payload) const {
  if (file_.read(&block, sizeof block, at) < sizeof block || block.magic != kBlockMagic ||
      block.ownCrc != crc32(0, &block, offsetof(Block, ownCrc)) || block.bytes > file_.size() - at - sizeof block) {
    return false;
  }
  payload.resize(block.bytes);
  return file_.read(payload.data(), payload.size(), at + sizeof block) == payload.size() &&
         crc32(0, payload.data(), payload.size()) == block.crc;
}

void RowJournal::entriesOf(const Block& block, const std::vector<uint8_t>& payload, std::vector<uint32_t>& rows,
                           std::vector<uint32_t>& stamps) const {
  if (payload.size() / sizeof(Entry) < block.count) damaged("a block is shorter than its rows");
  rows.resize(block.count);
  stamps.resize(block.count);
  size_t written = 0;
  for (size_t i = 0; i < block.count; i++) {
    Entry entry;
    std::memcpy(&entry, &payload[i * sizeof entry], sizeof entry);
    if (entry.row >= facts_.rows) damaged("it names a row that there is not");
    rows[i] = entry.row;
    stamps[i] = entry.stamp;
    written += (entry.stamp & kRowWritten) != 0;
  }
  const size_t rest = payload.size() - block.count * sizeof(Entry);
  if (rest != written * facts_.features * sizeof(float)) damaged("a block has another length than its rows");
}

void RowJournal::forEach(const std::function<void(const std::vector<uint32_t>&)>& coming,
                         const std::function<void(uint32_t, uint32_t, const float*)>& use) const {
  Block block;
  std::vector<uint8_t> payload;
  std::vector<uint32_t> rows, stamps;
  std::vector<float> values(facts_.features);
  const size_t rowBytes = facts_.features * sizeof(float);
  uint64_t at = sizeof(Header);
  for (; readBlock(at, block, payload); at += sizeof block + block.bytes) {
    entriesOf(block, payload, rows, stamps);
    coming(rows);
    size_t next = block.count * sizeof(Entry);
    for (size_t i = 0; i < block.count; i++) {
      const bool written = (stamps[i] & kRowWritten) != 0;
      if (written) std::memcpy(values.data(), &payload[next], rowBytes);
      use(rows[i], stamps[i], written ? values.data() : nullptr);
      if (written) next += rowBytes;
    }
  }
  if (at < end_) damaged("a block is not what was written");
}

}  // namespace widehead
