// An undo journal: what rows of V were, and their stamps, before they were first changed in a generation of a row file (row_file.h).
//
//   header   what it belongs to; whether it is known to be on the disk; where the blocks end that must be whole
//   block    count, length and checksum; then (row, stamp) of each row, then the numbers of those that were written
//
// A block is whole before any of its rows changes. One that was cut off, behind the end that the header names, stands for rows that did not
// change; any other that is not whole is damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/disk_file.h"

namespace widehead {

// Set in the stamp of a row that was written. Any other is zero, and the journal keeps no numbers of it.
constexpr uint32_t kRowWritten = 1u << 31;

class RowJournal {
 public:
  struct Facts {
    uint64_t generation, previous;  // what undoing it leads to, and the generation before that
    uint64_t rows, features;
    bool power;  // rows change only once their blocks are on the disk
  };

  // A new journal, which is on the disk when this returns. All throw Error WIDEHEAD_FILE.
  RowJournal(const std::string& path, const Facts& facts);
  // One that is there, to be undone.
  explicit RowJournal(const std::string& path);

  const Facts& facts() const { return facts_; }
  // Whether what it holds is what was put there, although the machine may have stopped meanwhile.
  bool survived() const;

  // What rows are now: V and the stamps begin at `rows` and `stamps`. Nothing has been appended if it throws.
  void append(const uint32_t* classes, size_t count, const float* rows, const uint32_t* stamps);
  // Waits until all of it is on the disk, and says so in it. Nothing is appended any more.
  void settle();
  // Calls `use` with each row as it was; values are null for one that was never written. Before, `coming` is told the next of them.
  void forEach(const std::function<void(const std::vector<uint32_t>& rows)>& coming,
               const std::function<void(uint32_t row, uint32_t stamp, const float* values)>& use) const;

 private:
  struct Header;
  struct Block;

  Header headerNow() const;
  size_t appendBlock(const uint32_t* classes, size_t count, const float* rows, const uint32_t* stamps, uint64_t at);
  // The block's payload; false where no whole block begins.
  bool readBlock(uint64_t at, Block& block, std::vector<uint8_t>& payload) const;
  void entriesOf(const Block& block, const std::vector<uint8_t>& payload, std::vector<uint32_t>& rows,
                 std::vector<uint32_t>& stamps) const;
  [[noreturn]] void damaged(const char* what) const;

  DiskFile file_;
  Facts facts_{};
  std::string boot_;
  uint64_t settled_ = 0;  // 1 once settle() was called
  uint64_t end_;
  std::vector<uint8_t> buffer_;
};

}  // namespace widehead
