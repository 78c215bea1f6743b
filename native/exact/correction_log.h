// The log of corrections that rows of V have not seen yet, and the products that let a row catch up on many at once.
//
// The exact head changes the basis of V without touching V: V <- V F with F = I - sum_i coef_i y_i z_i^T of low rank.
// Each F is an entry here; a row v remembers the position up to which it is current and applies the rest when it is
// needed: v -= sum_i coef_i (v . y_i) z_i, O(d) an entry. Entries are gathered into stretches. For a closed stretch
// there is one d x d matrix that stands for all its entries, and a tree of suffix products stands for many stretches:
//
//   A node (level l, number k) covers stretches k R^l .. (k + 1) R^l - 1, R = kRadix. Its suffix is the product of the
//   stretches from its end to the end of its parent, as far as that has been computed (`through`).
//
// A row in stretch i thus needs the rest of i entry by entry, then one suffix a level, then the entries of the open
// stretch. The suffixes are brought forward a few rows at a time by work(), so that no step pauses for them; a
// suffix that lags is still right, it merely reaches less far, and the row goes on with the stretch's own product.
//
// Own design; section 5 of Vincent et al. (2015) applies each correction to all of V at once instead, O(D d).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "exact/stretch.h"

namespace widehead {

class CorrectionLog {
 public:
  // features: length of a row; stretch: the length at which a stretch is closed, in entries, of which a run counts as one.
  CorrectionLog(size_t features, size_t stretch);

  using Entry = LogEntry;

  // Appends the correction v <- scale (v - sum_i coef_i (v . y_i) z_i), the dots all taken of the v before it. Throws before it changes
  // anything: a stretch that should be closed, and for whose products there is no memory, goes on until there is.
  void append(const std::vector<Entry>& entries, float scale = 1.0f);
  // What append() of so many entries may allocate, but for closing a stretch.
  size_t bytesToAppend(size_t entries) const { return stretches_.back().entries.bytesToAppend(entries); }
  size_t openDirections() const { return stretches_.back().entries.directions(); }
  // The position after the last entry: a row brought up to it is current.
  uint64_t end() const { return end_; }

  // The start of the open stretch: a row brought up to it begins with a whole stretch next time.
  uint64_t boundary() const { return stretches_.back().begin; }

  // Brings `count` rows of `features` floats, row-major and packed, from positions[r] (never falling) up to end(), or up to
  // boundary(), which is then not before any of them.
  enum class Until { End, Boundary };
  void bringUp(float* rows, size_t count, const uint64_t* positions, Until until = Until::End) const;

  // What the log has grown by since it began, in entries, of which a run counts as one.
  uint64_t length() const { return length_; }

  // Computes `rows` rows of products that are still to be made, when enough have come together. pace() rows for every one of length()
  // keep up with the log.
  void work(size_t rows);
  size_t pace() const { return pace_; }

  // Forgets what no row at `floor` or later needs.
  void dropBefore(uint64_t floor);

  void archive(ByteStream& stream);
  // The position before which it has forgotten all.
  uint64_t begin() const { return stretches_.front().begin; }

  size_t liveStretches() const { return stretches_.size(); }
  uint64_t liveEntries() const { return end_ - stretches_.front().begin; }
  size_t bytes() const;

 private:
  static constexpr size_t kRadix = 32;

  struct Held {
    explicit Held(size_t features) : entries(features) {}

    uint64_t begin = 0;  // position of its first entry
    Stretch entries;
    Buffer<float> product;  // features x features; meaningful if built
    bool built = false;
  };
  struct Node {
    size_t through;  // the suffix covers the stretches from the node's end up to this one, exclusive
    size_t until;    // the end of its parent, where the parent's own suffix takes over
    Buffer<float> suffix;
  };
  struct Level {
    size_t first = 0;  // number of nodes.front()
    std::deque<Node> nodes;
  };
  // Packed rows begin .. end that are current up to the start of stretch `boundary`.
  struct Range {
    size_t begin, end, boundary;
  };
  // Build the product of a stretch, or extend the suffix of a node by it.
  struct Task {
    size_t stretch;
    bool build;
    size_t level, node;
  };

  size_t openIndex() const { return firstStretch_ + stretches_.size() - 1; }
  const Held& stretch(size_t index) const { return stretches_[index - firstStretch_]; }
  Held& stretch(size_t index) { return stretches_[index - firstStretch_]; }
  Node* findNode(size_t level, size_t number);
  const Node* nextHop(size_t boundary) const;
  size_t findStretch(uint64_t position) const;

  void archiveStretches(ByteStream& stream);
  void archiveTree(ByteStream& stream);
  void archiveTasks(ByteStream& stream);
  void close();
  std::deque<Task> tasksAfter(size_t closed) const;
  void addNodes(size_t end);
  void bringUpChunk(float* rows, size_t count, const uint64_t* positions, Until until) const;
  void enterClosedStretches(float* rows, size_t count, const uint64_t* positions, std::vector<Range>& ranges) const;
  void hop(float* rows, Range& range) const;
  void workNow(size_t rows);
  void runTask(const Task& task, size_t begin, size_t end);
  void finishTask(const Task& task);

  const size_t features_, stretchLength_;
  uint64_t end_ = 0, length_ = 0;
  size_t firstStretch_ = 0;     // number of stretches_.front()
  std::deque<Held> stretches_;  // the last one is open
  std::deque<Level> levels_;    // one more when the top level has grown too long
  std::deque<Task> tasks_;
  size_t pace_ = 0;
  size_t rowsDue_ = 0;   // asked for and not computed yet
  size_t rowsDone_ = 0;  // of tasks_.front()
  Buffer<float> fresh_;  // what tasks_.front() has computed
};

}  // namespace widehead
