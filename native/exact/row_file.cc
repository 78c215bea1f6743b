#include "exact/row_file.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/checksum.h"
#include "base/error.h"
#include "base/pool.h"

namespace widehead {

namespace {

constexpr size_t kStateLength = 44, kCheckedLength = 35;
constexpr size_t kRemembered =
    size_t{1} << 18;                      // pages, 1 GiB: much less than a machine has that trains with such files
constexpr size_t kRuns = 8;               // of pages, a thread
constexpr size_t kMostJournals = 100000;  // that follow each other: more are a circle

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorKind::State, "WIDEHEAD_FILE", message); }

// Not std::random_device: it would ask for a glibc of 2022, and what it throws is no error of ours.
uint64_t newGeneration() {
  uint64_t value = 0;
  std::FILE* source = std::fopen("/dev/urandom", "rb");
  const bool read = source != nullptr && std::fread(&value, sizeof value, 1, source) == 1;
  if (source != nullptr) std::fclose(source);
  if (!read) throw Error(ErrorKind::State, "WIDEHEAD_FILE", "cannot read /dev/urandom for the name of a generation");
  return value == 0 ? 1 : value;
}

}  // namespace

RowFile::RowFile(const RowFileSpec& spec, size_t rows, size_t features)
    : spec_(spec), numRows_(rows), features_(features),
      map_(spec.header.empty() ? MappedFile(spec.path, spec.bytes,
                                            spec.isPrivate ? MappedFile::Access::Private : MappedFile::Access::Shared)
                               : MappedFile(spec.path, spec.header, spec.bytes)),
      touched_(spec.isPrivate ? 0 : rows / 64 + 1), asked_(spec.bytes / kPageBytes / 64 + 1) {
  if (spec.header.empty()) {
    state_ = readState();
    goBackTo(std::strtoull(spec.generation.c_str(), nullptr, 16));
    return;
  }
  try {
    writeState({newGeneration(), 0, kNew});
  } catch (...) {
    removeFile(spec.path);
    throw;
  }
}

RowFile::~RowFile() {
  if (state_.kind == kNew && !spec_.header.empty()) removeFile(spec_.path);  // no checkpoint will ever name it
  if (spec_.power) return;
  if (journal_ != nullptr) unsettled_.push_back(journal_);
  for (const auto& journal : unsettled_) {
    try {
      journal->settle();
    } catch (const Error&) {
      // Then it leads back for as long as the machine runs, as it would if the process had been killed.
    }
  }
}

RowFile::State RowFile::readState() const {
  const std::string text(reinterpret_cast<const char*>(map_.data() + spec_.stateAt), kStateLength);
  const uint32_t crc = static_cast<uint32_t>(std::strtoul(text.c_str() + kCheckedLength + 1, nullptr, 16));
  if (crc != crc32(0, text.data(), kCheckedLength))
    refuse(spec_.path + ": its header is damaged, or it was never finished");
  return {std::strtoull(text.c_str(), nullptr, 16), std::strtoull(text.c_str() + 17, nullptr, 16),
          text[kCheckedLength - 1]};
}

// In one write, which is made whole or not at all when the process is killed, and lies within one sector of a disk.
void RowFile::writeState(const State& state) {
  std::string text = hex(state.generation) + " " + hex(state.previous) + " " + state.kind;
  char crc[10];
  std::snprintf(crc, sizeof crc, " %08x", crc32(0, text.data(), text.size()));
  text += crc;
  map_.file().write(text.data(), text.size(), spec_.stateAt);
  const std::lock_guard<std::mutex> lock(generations_);
  state_ = state;
}

std::string RowFile::journalPath(uint64_t generation) const { return spec_.path + "." + hex(generation) + ".journal"; }

std::shared_ptr<RowJournal> RowFile::openJournal(uint64_t generation) const {
  const std::string path = journalPath(generation);
  if (!fileExists(path))
    refuse(spec_.path + " has changed since this checkpoint, and the journal that would lead back is gone: " + path);
  auto journal = std::make_shared<RowJournal>(path);
  const RowJournal::Facts& facts = journal->facts();
  if (facts.generation != generation || facts.rows != numRows_ || facts.features != features_)
    refuse(path + " is the journal of another file");
  if (!journal->survived()) {
    refuse(
        spec_.path +
        " has changed since this checkpoint, and this machine has been started anew since, or is another one: with " +
        "the durability 'process' the way back may not have reached the disk, or the copy");
  }
  return journal;
}

void RowFile::goBackTo(uint64_t wanted) {
  if (state_.kind == kNew) refuse(spec_.path + " belongs to no checkpoint: it was never saved");
  // All of them are looked at before the first row changes.
  std::vector<std::shared_ptr<RowJournal>> journals;
  uint64_t at = state_.generation, previous = state_.previous;
  if (state_.kind == kJournalled) journals.push_back(openJournal(at));
  while (at != wanted) {
    if (previous == 0 || !fileExists(journalPath(previous)) || journals.size() > kMostJournals) {
      refuse(spec_.path +
             " does not lead back to this checkpoint: it has gone another way, or its older journals were removed");
    }
    at = previous;
    journals.push_back(openJournal(at));
    previous = journals.back()->facts().previous;
  }
  for (const auto& journal : journals) undo(*journal);
  rememberOlder(previous);
  const State state = {wanted, previous, kClean};
  if (journals.empty() || spec_.isPrivate) {
    state_ = state;
    return;
  }
  map_.file().sync();  // before the header says that these are the rows
  writeState(state);
  map_.sync(0, spec_.rowsAt);
  for (const auto& journal : journals) removeFile(journalPath(journal->facts().generation));
}

// Generations that this one could still go back to.
void RowFile::rememberOlder(uint64_t generation) {
  while (generation != 0 && fileExists(journalPath(generation)) && older_.size() < kMostJournals) {
    older_.push_back(generation);
    try {
      generation = RowJournal(journalPath(generation)).facts().previous;
    } catch (const Error&) {
      return;  // one that is damaged leads nowhere, and nobody has asked for it
    }
  }
}

void RowFile::undo(const RowJournal& journal) {
  const auto coming = [this](const std::vector<uint32_t>& classes) { prefetch(classes.data(), classes.size()); };
  journal.forEach(coming, [this](uint32_t row, uint32_t stamp, const float* values) {
    float* to = rows() + row * features_;
    values != nullptr ? std::copy_n(values, features_, to) : std::fill_n(to, features_, 0.0f);
    stamps()[row] = stamp;
  });
}

void RowFile::touch(const uint32_t* classes, size_t count) {
  if (spec_.isPrivate || state_.kind == kNew) return;
  fresh_.clear();
  for (size_t i = 0; i < count; i++) {
    if ((touched_[classes[i] / 64] >> classes[i] % 64 & 1) == 0) fresh_.push_back(classes[i]);
  }
  if (fresh_.empty()) return;
  if (state_.kind == kClean) beginJournal();
  journal_->append(fresh_.data(), fresh_.size(), rows(), stamps());
  for (const uint32_t row : fresh_) touched_[row / 64] |= uint64_t{1} << row % 64;
}

// The journal, and the word of it in the header, are on the disk before a row changes: after a crash of the machine a file that has changed
// must not look as if it had not.
void RowFile::beginJournal() {
  const std::string path = journalPath(state_.generation);
  removeFile(path);  // of a process that was killed between the next two
  journal_ = std::make_shared<RowJournal>(
      path, RowJournal::Facts{state_.generation, state_.previous, numRows_, features_, spec_.power});
  try {
    writeState({state_.generation, state_.previous, kJournalled});
    map_.sync(0, spec_.rowsAt);
  } catch (...) {
    journal_.reset();
    const std::lock_guard<std::mutex> lock(generations_);
    state_.kind = kClean;
    throw;
  }
}

void RowFile::prefetch(const uint32_t* classes, size_t count) const {
  prefetchItems(spec_.stampsAt, sizeof(uint32_t), classes, count);
  prefetchItems(spec_.rowsAt, features_ * sizeof(float), classes, count);
}

// Items of `size` bytes from `at` on. Pages that follow each other are one request; one that was asked for a short while ago will be in
// memory still, and each request takes as long as to copy some rows.
void RowFile::prefetchItems(size_t at, size_t size, const uint32_t* classes, size_t count) const {
  runs_.clear();
  for (size_t i = 0; i < count; i++) {
    const size_t from = at + classes[i] * size, last = (from + size - 1) / kPageBytes;
    for (size_t page = from / kPageBytes; page <= last; page++) {
      if (!isNews(page)) continue;
      if (runs_.empty() || runs_.back().second != page) runs_.push_back({page, page});
      runs_.back().second++;
    }
  }
  // A page that the file system has never written takes it some microseconds.
  parallelFor(runs_.size(), kRuns, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) map_.prefetch(runs_[i].first * kPageBytes, runs_[i].second * kPageBytes);
  });
}

bool RowFile::isNews(size_t page) const {
  uint64_t& word = asked_[page / 64];
  const uint64_t bit = uint64_t{1} << page % 64;
  if ((word & bit) != 0) return false;
  if (++askedCount_ > kRemembered) {
    std::fill_n(asked_.data(), asked_.size(), uint64_t{0});
    askedCount_ = 1;
  }
  word |= bit;
  return true;
}

void RowFile::prefetch(size_t begin, size_t end) const {
  const size_t rowBytes = features_ * sizeof(float);
  map_.prefetch(spec_.stampsAt + begin * sizeof(uint32_t), spec_.stampsAt + end * sizeof(uint32_t));
  map_.prefetch(spec_.rowsAt + begin * rowBytes, spec_.rowsAt + end * rowBytes);
}

std::string RowFile::beginGeneration() {
  if (state_.kind == kClean) return hex(state_.generation);
  Pages<uint64_t> untouched(touched_.size());
  {
    const std::lock_guard<std::mutex> lock(generations_);
    older_.reserve(older_.size() + 1);
    unsettled_.reserve(unsettled_.size() + 1);
  }
  const bool isFirst = state_.kind == kNew;
  writeState({isFirst ? state_.generation : newGeneration(), isFirst ? 0 : state_.generation, kClean});
  touched_ = std::move(untouched);
  const std::lock_guard<std::mutex> lock(generations_);
  if (state_.previous != 0) older_.insert(older_.begin(), state_.previous);
  if (journal_ != nullptr) unsettled_.push_back(std::move(journal_));
  return hex(state_.generation);
}

std::function<void()> RowFile::flush() {
  const std::lock_guard<std::mutex> now(generations_);
  return [this, journals = unsettled_] {
    const std::lock_guard<std::mutex> flushing(flushing_);
    for (const auto& journal : journals) journal->settle();
    map_.file().sync();
    map_.file().syncFolder();
    const std::lock_guard<std::mutex> lock(generations_);
    for (const auto& journal : journals) {
      unsettled_.erase(std::remove(unsettled_.begin(), unsettled_.end(), journal), unsettled_.end());
    }
  };
}

std::vector<std::string> RowFile::keepJournals(const std::vector<std::string>& generations) {
  const std::lock_guard<std::mutex> lock(generations_);
  const auto kept = [&](uint64_t generation) {
    return std::find(generations.begin(), generations.end(), hex(generation)) != generations.end();
  };
  size_t count = older_.size();
  while (count > 0 && !kept(older_[count - 1])) count--;
  if (count > 0 || kept(state_.generation)) {  // else nothing is known of what is needed
    for (size_t i = count; i < older_.size(); i++) removeFile(journalPath(older_[i]));
    older_.resize(count);
  }
  std::vector<std::string> led = {hex(state_.generation)};
  for (const uint64_t generation : older_) led.push_back(hex(generation));
  return led;
}

}  // namespace widehead
