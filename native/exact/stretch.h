// A piece of the correction log: rank-one entries v <- scale (v - c (v . y) z) that rows of V take in order.
//
// A row that has many entries to take needs them only through its products with the K directions y: one product of all rows with
// all y, then the entries act on K numbers (t, and through G = Z Y^T on the later ones), then one product with all z. Rows
// that enter at different entries go together. Entries that follow each other on one direction are a run, which acts at
// once wherever a row enters it: t falls by the product of its factors 1 - c (z . y).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/buffer.h"
#include "base/byte_stream.h"
#include "base/matrix.h"

namespace widehead {

struct LogEntry {
  const float *y, *z;
  float coefficient;
};

class Stretch {
 public:
  explicit Stretch(size_t features) : features_(features) {}

  // Entries that act at once: all products are taken of the row before them. scale comes after them. Throws before it changes anything.
  void append(const std::vector<LogEntry>& entries, float scale);
  // What appending so many entries at once may allocate.
  size_t bytesToAppend(size_t entries) const;

  size_t entries() const { return before_.size(); }
  size_t directions() const { return directions_; }
  // What the stretch costs a row: entries, a run counting as one.
  size_t length() const { return length_; }

  // Brings packed rows from entry begins[r] (never falling with r) to the end.
  void apply(float* rows, size_t count, const size_t* begins) const;

  void archive(ByteStream& stream);
  size_t bytes() const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  // Entries that act at once on directions direction, direction + 1 ..., or (if alike) one after the other on one.
  struct Run {
    size_t begin, end;
    uint32_t direction;  // kNone: nothing but the scale
    bool alike;
    double self;  // z . y, of runs that are alike
    float scale;

    size_t width() const { return direction == kNone ? 0 : alike ? 1 : end - begin; }  // directions
  };

  void archiveRuns(ByteStream& stream);
  uint32_t findDirection(const LogEntry& entry) const;
  uint32_t addDirections(const std::vector<LogEntry>& entries);
  size_t strideFor(size_t directions) const {
    return directions <= stride_ ? stride_ : directions > 2 * stride_ ? directions : 2 * stride_;
  }
  bool joins(const Run& run, uint32_t direction, double factor, float scale) const;
  size_t runAt(size_t entry) const;
  double coefficientOf(const Run& run, size_t i, size_t begin) const;
  void applyOneByOne(float* row, size_t begin) const;
  void applyTogether(float* rows, size_t count, const size_t* begins) const;
  // Some runs in a row, and the directions that they use.
  struct Piece {
    size_t firstRun, lastRun, from, to;
  };
  Piece pieceAt(size_t run) const;
  void applyPiece(const Piece& piece, float* rows, size_t count, const size_t* begins) const;
  double eliminate(const Piece& piece, double* t, double* taken, size_t begin) const;

  ConstMatrixF y() const { return {y_.data(), directions_, features_}; }
  ConstMatrixF z() const { return {z_.data(), directions_, features_}; }

  const size_t features_;
  size_t directions_ = 0, length_ = 0;
  std::vector<float> y_, z_;  // directions x features
  std::vector<float> g_;      // stride_ x stride_: Z Y^T
  size_t stride_ = 0;
  std::vector<float> coefficients_;
  std::vector<double> before_;  // the sum of log(1 - c z.y) of the run's entries before this one
  std::vector<Run> runs_;
};

}  // namespace widehead
