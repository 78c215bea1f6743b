#include "exact/correction_log.h"

#include <algorithm>
#include <cstring>
#include <exception>

#include "base/per_thread.h"
#include "base/pool.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"

namespace widehead {

namespace {

// Rows that go through a product at once: enough to make its packing cheap, few enough to keep every thread's scratch small.
constexpr size_t kHopRows = 512;
constexpr size_t kWorkRows = 24;  // fewer would not be worth reading a product for

size_t power(size_t base, size_t exponent) { return exponent == 0 ? 1 : base * power(base, exponent - 1); }

}  // namespace

CorrectionLog::CorrectionLog(size_t features, size_t stretch)
    : features_(features), stretchLength_(std::max<size_t>(stretch, 1)), levels_(1) {
  // Stretch 0 stays empty, so that rows that have seen nothing stand at the end of a node like all others.
  stretches_.emplace_back(features);
  close();
  tasks_.clear();
}

void CorrectionLog::append(const std::vector<Entry>& entries, float scale) {
  Stretch& open = stretches_.back().entries;
  const size_t before = open.length();
  open.append(entries, scale);
  end_ += entries.size();
  length_ += open.length() - before;
  if (open.length() < stretchLength_) return;
  try {
    close();
  } catch (const std::exception&) {
    // The entries are there, and a long stretch is as right as two short ones.
  }
}

// Throws before it changes anything that rows depend on.
void CorrectionLog::close() {
  const size_t closed = openIndex();
  workNow(tasks_.size() * features_);  // no task outlives a stretch; at the pace asked for none is left here
  std::deque<Task> tasks = tasksAfter(closed);
  stretches_.emplace_back(features_);
  try {
    addNodes(closed + 1);
  } catch (...) {
    stretches_.pop_back();
    throw;
  }
  stretches_.back().begin = end_;
  tasks_.swap(tasks);
  pace_ = (tasks_.size() * features_ + stretchLength_ - 1) / stretchLength_;
}

// What is to be made once this stretch is closed.
std::deque<CorrectionLog::Task> CorrectionLog::tasksAfter(size_t closed) const {
  std::deque<Task> tasks = {{closed, true, 0, 0}};
  for (size_t l = 0; l < levels_.size(); l++) {
    for (size_t i = 0; i < levels_[l].nodes.size(); i++) {
      const Node& node = levels_[l].nodes[i];
      if (node.through == closed && node.until > closed) tasks.push_back({closed, false, l, levels_[l].first + i});
    }
  }
  return tasks;
}

// Nodes that end before stretch `end`: all of them, or none. The top level has no parent, so its nodes reach to the end of the log.
void CorrectionLog::addNodes(size_t end) {
  size_t added = 0;
  try {
    for (size_t l = 0; l < levels_.size(); l++) {
      const size_t span = power(kRadix, l), parent = span * kRadix;
      if (end % span != 0) break;
      Level& level = levels_[l];
      if (level.nodes.empty()) level.first = end / span - 1;
      const bool top = l + 1 == levels_.size();
      level.nodes.push_back({end, top ? SIZE_MAX : (end + parent - 1) / parent * parent, {}});
      added++;
      if (top && level.nodes.size() > 2 * kRadix) {
        levels_.emplace_back();
        break;
      }
    }
  } catch (...) {
    while (added > 0) levels_[--added].nodes.pop_back();
    throw;
  }
}

CorrectionLog::Node* CorrectionLog::findNode(size_t level, size_t number) {
  Level& at = levels_[level];
  const size_t i = number - at.first;
  return number >= at.first && i < at.nodes.size() ? &at.nodes[i] : nullptr;
}

const CorrectionLog::Node* CorrectionLog::nextHop(size_t boundary) const {
  const Node* best = nullptr;
  for (size_t l = 0; l < levels_.size(); l++) {
    const size_t span = power(kRadix, l);
    if (boundary % span != 0) break;
    const Node* node = const_cast<CorrectionLog*>(this)->findNode(l, boundary / span - 1);
    if (node != nullptr && node->through > boundary) best = node;
  }
  return best;
}

size_t CorrectionLog::findStretch(uint64_t position) const {
  const auto after = std::upper_bound(stretches_.begin(), stretches_.end(), position,
                                      [](uint64_t p, const Held& s) { return p < s.begin; });
  return firstStretch_ + static_cast<size_t>(after - stretches_.begin()) - 1;
}

void CorrectionLog::bringUp(float* rows, size_t count, const uint64_t* positions, Until until) const {
  // Sixteen rows share a pass over a product; fewer would make its packing dominate.
  parallelFor(count, 16, [&](size_t begin, size_t end) {
    bringUpChunk(rows + begin * features_, end - begin, positions + begin, until);
  });
}

void CorrectionLog::bringUpChunk(float* rows, size_t count, const uint64_t* positions, Until until) const {
  std::vector<Range> ranges;
  enterClosedStretches(rows, count, positions, ranges);
  // The rearmost rows hop first; rows that meet go on together.
  while (!ranges.empty()) {
    const auto rear = std::min_element(ranges.begin(), ranges.end(),
                                       [](const Range& a, const Range& b) { return a.boundary < b.boundary; });
    if (rear->boundary >= openIndex()) break;
    hop(rows, *rear);
    for (size_t i = ranges.size() - 1; i > 0; i--) {
      if (ranges[i].boundary != ranges[i - 1].boundary) continue;
      ranges[i - 1].end = ranges[i].end;
      ranges.erase(ranges.begin() + static_cast<ptrdiff_t>(i));
    }
  }
  if (until == Until::Boundary) return;
  const Held& open = stretches_.back();
  std::vector<size_t> begins(count);
  for (size_t r = 0; r < count; r++)
    begins[r] = positions[r] > open.begin ? static_cast<size_t>(positions[r] - open.begin) : 0;
  open.entries.apply(rows, count, begins.data());
}

// Brings rows inside a stretch to the end of theirs, and gathers those in closed ones into ranges. Rows at the end of a stretch stand in
// the next.
void CorrectionLog::enterClosedStretches(float* rows, size_t count, const uint64_t* positions,
                                         std::vector<Range>& ranges) const {
  std::vector<size_t> begins;
  for (size_t first = 0; first < count && positions[first] < stretches_.back().begin;) {
    size_t boundary = findStretch(positions[first]);
    const Held& at = stretch(boundary);
    const uint64_t end = stretch(boundary + 1).begin;
    const bool inside = positions[first] > at.begin;
    size_t last = first;
    for (begins.clear(); last < count && positions[last] < end && (positions[last] > at.begin) == inside; last++) {
      begins.push_back(static_cast<size_t>(positions[last] - at.begin));
    }
    if (inside) {
      at.entries.apply(rows + first * features_, last - first, begins.data());
      boundary++;
    }
    if (!ranges.empty() && ranges.back().boundary == boundary) {
      ranges.back().end = last;
    } else {
      ranges.push_back({first, last, boundary});
    }
    first = last;
  }
}

void CorrectionLog::hop(float* rows, Range& range) const {
  const Node* node = nextHop(range.boundary);
  const Held& at = stretch(range.boundary);
  const size_t count = range.end - range.begin;
  float* first = rows + range.begin * features_;
  if (node == nullptr && !at.built) {
    const std::vector<size_t> begins(count);
    at.entries.apply(first, count, begins.data());
    range.boundary++;
    return;
  }
  auto& scratch = perThread<Buffer<float>>([] {});
  const ConstMatrixF product(node != nullptr ? node->suffix.data() : at.product.data(), features_, features_);
  scratch.reserve(std::min(count, kHopRows) * features_);
  for (size_t done = 0; done < count; done += kHopRows) {
    const size_t part = std::min(count - done, kHopRows);
    float* rowsOfPart = first + done * features_;
    gemm(MatrixF(scratch.data(), part, features_), ConstMatrixF(rowsOfPart, part, features_), product);
    std::memcpy(rowsOfPart, scratch.data(), part * features_ * sizeof(float));
  }
  range.boundary = node != nullptr ? node->through : range.boundary + 1;
}

void CorrectionLog::work(size_t rows) {
  rowsDue_ += rows;
  if (rowsDue_ < kWorkRows) return;
  try {
    workNow(rowsDue_);
    rowsDue_ = 0;
  } catch (const std::exception&) {
    // Too little memory for products, which may lag: they are as due as before.
  }
}

void CorrectionLog::workNow(size_t rows) {
  while (rows > 0 && !tasks_.empty()) {
    const Task task = tasks_.front();
    const size_t count = std::min(rows, features_ - rowsDone_);
    runTask(task, rowsDone_, rowsDone_ + count);
    rows -= count;
    rowsDone_ += count;
    if (rowsDone_ == features_) finishTask(task);
  }
}

// The rows of a product are rows like those of V: they catch up on a stretch in the same way.
void CorrectionLog::runTask(const Task& task, size_t begin, size_t end) {
  fresh_.reserve(features_ * features_);
  float* rows = fresh_.data() + begin * features_;
  const size_t count = end - begin;
  const Held& from = stretch(task.stretch);
  if (task.build) {
    std::memset(rows, 0, count * features_ * sizeof(float));
    for (size_t r = 0; r < count; r++) rows[r * features_ + begin + r] = 1;
    const std::vector<size_t> begins(count);
    from.entries.apply(rows, count, begins.data());
    return;
  }
  Node* node = findNode(task.level, task.node);
  if (node == nullptr) return;
  if (node->suffix.capacity() == 0) {
    std::memcpy(rows, from.product.data() + begin * features_, count * features_ * sizeof(float));
    return;
  }
  gemm(MatrixF(rows, count, features_), ConstMatrixF(node->suffix.data() + begin * features_, count, features_),
       ConstMatrixF(from.product.data(), features_, features_));
}

void CorrectionLog::finishTask(const Task& task) {
  rowsDone_ = 0;
  if (task.build) {
    stretch(task.stretch).product = std::move(fresh_);
    stretch(task.stretch).built = true;
    fresh_ = Buffer<float>();
  } else if (Node* node = findNode(task.level, task.node)) {
    std::swap(node->suffix, fresh_);
    node->through = task.stretch + 1;
  }
  tasks_.pop_front();
  const bool last = tasks_.empty() || tasks_.front().stretch != task.stretch;
  if (!last) return;
  // Every node reaches past this stretch now: its product has served.
  stretch(task.stretch).built = false;
  stretch(task.stretch).product = Buffer<float>();
}

void CorrectionLog::dropBefore(uint64_t floor) {
  size_t keep = findStretch(std::max(floor, stretches_.front().begin));
  if (!tasks_.empty()) keep = std::min(keep, tasks_.front().stretch);
  for (; firstStretch_ < keep; firstStretch_++) stretches_.pop_front();
  for (size_t l = 0; l < levels_.size(); l++) {
    Level& level = levels_[l];
    const size_t span = power(kRadix, l);
    for (; !level.nodes.empty() && (level.first + 1) * span < keep; level.first++) level.nodes.pop_front();
  }
}

size_t CorrectionLog::bytes() const {
  size_t total = fresh_.bytes();
  for (const Held& held : stretches_) total += held.product.bytes() + held.entries.bytes();
  for (const Level& level : levels_) {
    for (const Node& node : level.nodes) total += node.suffix.bytes();
  }
  return total;
}

}  // namespace widehead
