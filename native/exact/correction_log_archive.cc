// The log as bytes. Its products are saved too: which of them are ready decides how a row catches up, and so its last bits.
#include <algorithm>

#include "exact/correction_log.h"

namespace widehead {

namespace {

constexpr size_t kMostLevels = 12;  // stretches are fewer than the radix to this power

void archiveProduct(ByteStream& stream, Buffer<float>& product, size_t features) {
  stream.expect(features * features, sizeof(float));
  if (stream.loading()) product.reserve(features * features);
  stream.array(product.data(), features * features);
}

}  // namespace

void CorrectionLog::archive(ByteStream& stream) {
  for (uint64_t* value : {&end_, &length_}) stream.number(*value);
  for (size_t* value : {&firstStretch_, &pace_, &rowsDue_, &rowsDone_}) stream.number(*value);
  ByteStream::require(firstStretch_ < UINT32_MAX && rowsDone_ < features_, "a log that is none");
  archiveStretches(stream);
  archiveTree(stream);
  archiveTasks(stream);
}

void CorrectionLog::archiveStretches(ByteStream& stream) {
  const size_t count = stream.length(stretches_.size(), sizeof(Held) / 4);
  ByteStream::require(count > 0, "a log without a stretch");
  if (stream.loading()) {
    stretches_.clear();
    for (size_t i = 0; i < count; i++) stretches_.emplace_back(features_);
  }
  for (size_t i = 0; i < count; i++) {
    Held& held = stretches_[i];
    uint8_t built = held.built;
    stream.number(held.begin);
    stream.number(built);
    held.entries.archive(stream);
    held.built = built != 0;
    if (held.built) archiveProduct(stream, held.product, features_);
    const bool follows = i == 0 || held.begin == stretches_[i - 1].begin + stretches_[i - 1].entries.entries();
    ByteStream::require(follows, "stretches of the log that do not follow each other");
  }
  ByteStream::require(end_ == stretches_.back().begin + stretches_.back().entries.entries(), "a log with another end");
}

void CorrectionLog::archiveTree(ByteStream& stream) {
  levels_.resize(stream.length(levels_.size(), 2 * sizeof(uint64_t)));
  ByteStream::require(!levels_.empty() && levels_.size() <= kMostLevels, "a log with too many levels");
  size_t span = 1;
  for (Level& level : levels_) {
    stream.number(level.first);
    level.nodes.resize(stream.length(level.nodes.size(), 2 * sizeof(uint64_t)));
    for (size_t i = 0; i < level.nodes.size(); i++) {
      Node& node = level.nodes[i];
      stream.number(node.through);
      stream.number(node.until);
      const size_t end = (level.first + i + 1) * span;
      ByteStream::require(level.first < UINT32_MAX && node.through >= end && node.through <= openIndex() &&
                              (node.through == end || end >= firstStretch_),
                          "a product of the log that reaches too far");
      if (node.through > end) archiveProduct(stream, node.suffix, features_);
    }
    span *= kRadix;
  }
}

void CorrectionLog::archiveTasks(ByteStream& stream) {
  tasks_.resize(stream.length(tasks_.size(), 3 * sizeof(uint64_t)));
  size_t latest = firstStretch_;
  for (size_t i = 0; i < tasks_.size(); i++) {
    Task& task = tasks_[i];
    uint8_t build = task.build;
    for (size_t* value : {&task.stretch, &task.level, &task.node}) stream.number(*value);
    stream.number(build);
    task.build = build != 0;
    // A stretch is built before its product goes into nodes, and forgotten after.
    ByteStream::require(task.stretch >= latest && task.stretch < openIndex(), "work of the log on what is not there");
    const auto builds = [&](const Task& earlier) { return earlier.build && earlier.stretch == task.stretch; };
    const bool ready = task.build || stretch(task.stretch).built ||
                       std::any_of(tasks_.begin(), tasks_.begin() + static_cast<ptrdiff_t>(i), builds);
    ByteStream::require(ready && (task.build || task.level < levels_.size()), "work of the log that comes too early");
    latest = task.stretch;
  }
  if (rowsDone_ == 0) return;
  ByteStream::require(!tasks_.empty(), "work of the log that is none");
  stream.expect(rowsDone_ * features_, sizeof(float));
  if (stream.loading()) fresh_.reserve(features_ * features_);
  stream.array(fresh_.data(), rowsDone_ * features_);
}

}  // namespace widehead
