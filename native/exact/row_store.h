// The rows of V, each with the position in the correction log up to which it is current.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/archive.h"
#include "base/buffer.h"
#include "base/matrix.h"
#include "base/pages.h"
#include "exact/correction_log.h"
#include "exact/row_file.h"

namespace widehead {

class RowStore {
 public:
  // rows x features zeros, or what a file holds. A row that was never written is zero whatever the corrections, and costs no memory.
  RowStore(size_t rows, size_t features, size_t stretch, std::unique_ptr<RowFile> file = nullptr);

  size_t rows() const { return rows_; }
  size_t features() const { return features_; }
  CorrectionLog& log() { return log_; }
  const CorrectionLog& log() const { return log_; }

  // Of rows in a file: a look at these classes will follow, and (touch) a change. Throws Error WIDEHEAD_FILE.
  void prefetch(const uint32_t* classes, size_t count) const;
  void touch(const uint32_t* classes, size_t count);
  RowFile* file() const { return file_.get(); }

  // Row r as it is stored, for initialisation and after touch(): call markWritten(r) when it was filled.
  float* raw(size_t row) { return v_ + row * features_; }
  void expectAllRows() { ownRows_.expectWhole(); }  // before they are filled
  void markWritten(size_t row) { stamps_[row] = kWritten | stampOf(log_.end()); }
  bool written(size_t row) const { return (stamps_[row] & kWritten) != 0; }

  // Brings rows up to date without changing the store: row i of out is that of classes[order[i]]; order is chosen here, oldest row
  // first, so that rows of one age catch up together. out is count x features.
  void gather(float* out, std::vector<uint32_t>& order, const uint32_t* classes, size_t count) const {
    gather(out, order, classes, count, CorrectionLog::Until::End);
  }

  // Rows begin .. end, up to date: where they lie if all of them are current, else in scratch.
  ConstMatrixF current(size_t begin, size_t end, Buffer<float>& scratch) const;

  // Brings the next `count` rows up to the log's open stretch, in turn, and lets the log forget what no row needs any more. What
  // the open stretch holds is cheaper when it is whole. Rows wait for which there is no memory, or no journal of their file: no error.
  void sweep(size_t count);
  // All rows, O(D d): none is behind afterwards, and the log holds little more than its open stretch.
  void sweepAll();

  // Whether none of the rows begin .. end is behind.
  bool allCurrent(size_t begin, size_t end) const;
  // How far behind row r is, in entries; 0 for one that was never written.
  uint64_t behind(size_t row) const { return written(row) ? log_.end() - position(row) : 0; }
  uint64_t position(size_t row) const;
  void archive(Archive& archive);
  // After loading, once the rows are there: no row may be where the log does not reach.
  void checkRestored() const;

  // In memory: not what a file holds.
  size_t bytes() const { return ownRows_.bytes() + ownStamps_.bytes() + log_.bytes(); }

 private:
  // A stamp is the written flag and the low 31 bits of a position; no row is ever 2^31 entries behind.
  static constexpr uint32_t kWritten = kRowWritten;
  static uint32_t stampOf(uint64_t position) { return static_cast<uint32_t>(position) & (kWritten - 1); }

  const size_t rows_, features_;
  const std::unique_ptr<RowFile> file_;
  Pages<float> ownRows_;
  Pages<uint32_t> ownStamps_;
  float* const v_;
  uint32_t* const stamps_;
  CorrectionLog log_;
  void gather(float* out, std::vector<uint32_t>& order, const uint32_t* classes, size_t count,
              CorrectionLog::Until until) const;
  void sweep(size_t count, CorrectionLog::Until until);
  void sweepRange(size_t begin, size_t end, CorrectionLog::Until until);
  size_t segmentEnd(size_t segment) const { return rows_ * (segment + 1) / sweptFrom_.size(); }

  size_t cursor_ = 0, segment_ = 0;  // the next row to sweep, and the segment that it is in
  uint64_t segmentStart_ = 0;        // the log's boundary when the sweep came to this segment
  // For each segment of rows, what segmentStart_ was when it was last swept: none of them is older.
  std::vector<uint64_t> sweptFrom_;
  std::vector<float> swept_;
  std::vector<uint32_t> sweptClasses_, sweptOrder_;
};

}  // namespace widehead
