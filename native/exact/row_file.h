// The rows of V and their stamps as a file that is a model together with a checkpoint's U, whatever moment the process ends at.
//
// A generation is what the rows are at the moment of a checkpoint, which names it. Before a row is first changed after that moment, what it
// was goes into the generation's journal: undone, the journal leads back to the generation, and the journals before it to older ones.
// The file's header says which generation is the newest and whether it has a journal, in one write of 44 bytes:
//
//   generation (16 hexadecimal digits)  the one before it (0 for none)  n, c or j  CRC-32 of all that
//
// n: rows have changed without a journal, since no checkpoint names the file yet; c: no row has changed since; j: there is a journal.
// Generations are random numbers, so that no checkpoint fits rows that have gone another way. The first one has its number before any
// checkpoint names it, so that who makes a file knows it again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/pages.h"
#include "exact/row_journal.h"

namespace widehead {

// As the facade describes it, which knows what the header looks like.
struct RowFileSpec {
  std::string path;
  std::vector<uint8_t> header;  // of a file to be made; empty for one that is there
  size_t bytes, stateAt, rowsAt, stampsAt;
  std::string generation;  // of one that is there: what the rows are to be
  bool isPrivate;          // what changes stays in memory, and the file is only read
  bool power;              // the journal is on the disk before rows change
};

class RowFile {
 public:
  // Makes the file, or opens it and goes back to the generation. Throws Error WIDEHEAD_FILE.
  RowFile(const RowFileSpec& spec, size_t rows, size_t features);
  ~RowFile();

  float* rows() const { return reinterpret_cast<float*>(map_.data() + spec_.rowsAt); }
  uint32_t* stamps() const { return reinterpret_cast<uint32_t*>(map_.data() + spec_.stampsAt); }
  bool isPrivate() const { return spec_.isPrivate; }

  // To be called before rows change. Throws Error WIDEHEAD_FILE if the journal cannot be written; then none may change.
  void touch(const uint32_t* classes, size_t count);
  // These rows will be looked at soon; classes in rising order share requests to the system.
  void prefetch(const uint32_t* classes, size_t count) const;
  void prefetch(size_t begin, size_t end) const;
  void prefetchStamps() const { map_.prefetch(spec_.stampsAt, spec_.stampsAt + numRows_ * sizeof(uint32_t)); }

  // The generation that the rows are now, for a checkpoint to name.
  std::string beginGeneration();
  // What waits until that generation is on the disk: to be called on any thread, while rows change. Only then may a checkpoint name it.
  std::function<void()> flush();
  // Removes the journals that lead to generations before the oldest of these. Returns the generations that journals lead to now: any
  // other journal of this file's was left by a process that was killed.
  std::vector<std::string> keepJournals(const std::vector<std::string>& generations);

 private:
  enum Kind : char { kNew = 'n', kClean = 'c', kJournalled = 'j' };
  struct State {
    uint64_t generation, previous;
    char kind;
  };

  State readState() const;
  void writeState(const State& state);
  std::string journalPath(uint64_t generation) const;
  std::shared_ptr<RowJournal> openJournal(uint64_t generation) const;
  void goBackTo(uint64_t generation);
  void rememberOlder(uint64_t generation);
  void undo(const RowJournal& journal);
  void beginJournal();
  bool isNews(size_t page) const;
  void prefetchItems(size_t at, size_t size, const uint32_t* classes, size_t count) const;

  const RowFileSpec spec_;
  const size_t numRows_, features_;
  MappedFile map_;
  State state_;
  std::shared_ptr<RowJournal> journal_;  // of the newest generation, if it has one
  // Of generations before it: journals that are not known to be on the disk, since their checkpoint has not come to be (yet).
  std::vector<std::shared_ptr<RowJournal>> unsettled_;
  std::vector<uint64_t> older_;  // generations before the newest that their journals lead to, newest first
  Pages<uint64_t> touched_;      // a bit a row: changed since the generation began
  std::vector<uint32_t> fresh_;
  Pages<uint64_t> asked_;  // a bit a page: asked for since askedCount_ was 0
  mutable size_t askedCount_ = 0;
  mutable std::vector<std::pair<size_t, size_t>> runs_;  // pages first .. second to ask for
  std::mutex flushing_;
  mutable std::mutex generations_;  // held to change state_, older_ and unsettled_, and to read them while rows may change
};

}  // namespace widehead
