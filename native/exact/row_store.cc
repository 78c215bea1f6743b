#include "exact/row_store.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "base/error.h"
#include "base/per_thread.h"
#include "base/pool.h"

namespace widehead {

namespace {

constexpr size_t kSegments = 32;  // of rows: the log reaches back one round of the sweep and one segment
constexpr size_t kSweep = 256;    // rows at a time
constexpr size_t kRows = 16;      // a thread: fewer would not be worth reading the log's products for

// Rows lie anywhere in gigabytes: all of them are on their way before the first is read.
void bringNear(const void* memory, size_t bytes) {
#if defined(__GNUC__)
  for (size_t at = 0; at < bytes; at += 64) __builtin_prefetch(static_cast<const char*>(memory) + at);
#else
  (void)memory;
  (void)bytes;
#endif
}

}  // namespace

RowStore::RowStore(size_t rows, size_t features, size_t stretch, std::unique_ptr<RowFile> file)
    : rows_(rows), features_(features), file_(std::move(file)), ownRows_(file_ ? 0 : elementCount(rows, features)),
      ownStamps_(file_ ? 0 : rows), v_(file_ ? file_->rows() : ownRows_.data()),
      stamps_(file_ ? file_->stamps() : ownStamps_.data()), log_(features, stretch),
      sweptFrom_(std::min(kSegments, rows)) {}

void RowStore::prefetch(const uint32_t* classes, size_t count) const {
  if (file_ != nullptr) file_->prefetch(classes, count);
}

void RowStore::touch(const uint32_t* classes, size_t count) {
  if (file_ != nullptr) file_->touch(classes, count);
}

uint64_t RowStore::position(size_t row) const {
  const uint64_t end = log_.end();
  return end - ((stampOf(end) - stamps_[row]) & (kWritten - 1));
}

void RowStore::gather(float* out, std::vector<uint32_t>& order, const uint32_t* classes, size_t count,
                      CorrectionLog::Until until) const {
  auto& keys = perThread<std::vector<uint64_t>>([] {});  // (stamp's distance from the end, place)
  keys.resize(count);
  for (size_t i = 0; i < count; i++) bringNear(stamps_ + classes[i], 1);
  for (size_t i = 0; i < count; i++) {
    const size_t row = classes[i];
    if (written(row)) bringNear(v_ + row * features_, features_ * sizeof(float));
    // A row that was never written is zero at every position: it counts as current.
    keys[i] = (kWritten - behind(row)) << 32 | i;
  }
  std::sort(keys.begin(), keys.end());
  // Rows far behind take longest: they are dealt to the parts in turn, each of which then goes through the log in order.
  const size_t parts = std::clamp<size_t>(count / kRows, 1, teamThreads());
  auto& positions = perThread<std::vector<uint64_t>>([] {});
  positions.resize(count);
  order.resize(count);
  const auto partBegin = [&](size_t part) { return part * (count / parts) + std::min(part, count % parts); };
  for (size_t part = 0; part < parts; part++) {
    for (size_t i = part, to = partBegin(part); i < count; i += parts, to++) {
      order[to] = static_cast<uint32_t>(keys[i]);
      positions[to] = log_.end() + (keys[i] >> 32) - kWritten;
    }
  }
  const uint64_t* from = positions.data();
  parallelFor(parts, 1, [&](size_t first, size_t last) {
    for (size_t part = first; part < last; part++) {
      const size_t begin = partBegin(part), end = partBegin(part + 1);
      for (size_t i = begin; i < end; i++) {
        const uint32_t row = classes[order[i]];
        if (written(row)) {
          std::memcpy(out + i * features_, v_ + row * features_, features_ * sizeof(float));
        } else {
          std::memset(out + i * features_, 0, features_ * sizeof(float));
        }
      }
      log_.bringUp(out + begin * features_, end - begin, from + begin, until);
    }
  });
}

// Without branches, so that the compiler makes vectors of it: a search asks this of all rows.
bool RowStore::allCurrent(size_t begin, size_t end) const {
  const uint32_t now = kWritten | stampOf(log_.end());
  uint32_t late = 0;
  for (size_t row = begin; row < end; row++) late |= stamps_[row] == now ? 0 : stamps_[row];
  return (late & kWritten) == 0;
}

ConstMatrixF RowStore::current(size_t begin, size_t end, Buffer<float>& scratch) const {
  // This block at once, and the one that probably comes next.
  if (file_ != nullptr) file_->prefetch(begin, std::min(rows_, 2 * end - begin));
  if (allCurrent(begin, end)) return {v_ + begin * features_, end - begin, features_};
  auto& late = perThread<std::vector<uint32_t>>([] {});
  auto& order = perThread<std::vector<uint32_t>>([] {});
  late.clear();
  for (size_t row = begin; row < end; row++) {
    if (behind(row) > 0) late.push_back(static_cast<uint32_t>(row));
  }
  const size_t rowBytes = features_ * sizeof(float);
  float *rows = scratch.reserve((end - begin + late.size()) * features_), *caughtUp = rows + (end - begin) * features_;
  gather(caughtUp, order, late.data(), late.size());
  if (late.size() < end - begin) std::memcpy(rows, v_ + begin * features_, (end - begin) * rowBytes);
  for (size_t i = 0; i < late.size(); i++) {
    std::memcpy(rows + (late[order[i]] - begin) * features_, caughtUp + i * features_, rowBytes);
  }
  return {rows, end - begin, features_};
}

void RowStore::sweep(size_t count) {
  try {
    sweep(count, CorrectionLog::Until::Boundary);
  } catch (const std::exception&) {
    // Part of a step that has been made, and must not look as if it had not. Rows that were not swept are behind, as before, and the sweep
    // goes on from them. What keeps the journal from being written will keep the next step from being made, and say so.
  }
}

void RowStore::sweep(size_t count, CorrectionLog::Until until) {
  for (count = std::min(count, rows_); count > 0;) {
    const size_t part = std::min({count, kSweep, segmentEnd(segment_) - cursor_});
    sweepRange(cursor_, cursor_ + part, until);
    cursor_ += part;  // only now: a row that memory was too short to sweep is still to be swept
    count -= part;
    if (cursor_ < segmentEnd(segment_)) continue;
    // Every row of the segment was swept or touched since the sweep came to it; the next segment is the one that waits longest.
    sweptFrom_[segment_] = segmentStart_;
    segmentStart_ = log_.boundary();
    segment_ = (segment_ + 1) % sweptFrom_.size();
    cursor_ %= rows_;
    log_.dropBefore(sweptFrom_[segment_]);
  }
}

void RowStore::sweepRange(size_t begin, size_t end, CorrectionLog::Until until) {
  const uint64_t target = until == CorrectionLog::Until::End ? log_.end() : log_.boundary();
  sweptClasses_.clear();
  for (size_t row = begin; row < end; row++) {
    if (written(row) && position(row) < target) sweptClasses_.push_back(static_cast<uint32_t>(row));
  }
  prefetch(sweptClasses_.data(), sweptClasses_.size());
  touch(sweptClasses_.data(), sweptClasses_.size());
  swept_.resize(sweptClasses_.size() * features_);
  gather(swept_.data(), sweptOrder_, sweptClasses_.data(), sweptClasses_.size(), until);
  for (size_t i = 0; i < sweptOrder_.size(); i++) {
    const uint32_t row = sweptClasses_[sweptOrder_[i]];
    std::memcpy(raw(row), &swept_[i * features_], features_ * sizeof(float));
    stamps_[row] = kWritten | stampOf(target);
  }
}

void RowStore::sweepAll() {
  // To the end of the round that is under way, then a whole one.
  sweep(rows_ - cursor_, CorrectionLog::Until::End);
  sweep(rows_, CorrectionLog::Until::End);
}

void RowStore::archive(Archive& archive) {
  const bool relaid = archive.relaid();
  archive.record("log", [&](ByteStream& stream) {
    log_.archive(stream);
    for (size_t* value : {&cursor_, &segment_}) stream.number(*value);
    stream.number(segmentStart_);
    const size_t segments = sweptFrom_.size();
    stream.list(sweptFrom_);
    if (relaid) {
      // How far the sweep was is told in another order of the rows: it begins again, and no row is older than the log.
      cursor_ = segment_ = 0;
      segmentStart_ = log_.boundary();
      sweptFrom_.assign(segments, log_.begin());
    }
    ByteStream::require(sweptFrom_.size() == segments && segment_ < segments && cursor_ < segmentEnd(segment_),
                        "a sweep that is nowhere");
  });
  if (file_ != nullptr && !file_->isPrivate()) return;  // they are where they are
  archive.rows("V", v_, rows_, features_);
  archive.rows("positions", stamps_, rows_, 1);
}

void RowStore::checkRestored() const {
  if (file_ != nullptr) file_->prefetchStamps();
  for (size_t row = 0; row < rows_; row++) {
    ByteStream::require(!written(row) || (behind(row) <= log_.end() && position(row) >= log_.begin()),
                        "a row that is older than the log");
  }
}

}  // namespace widehead
