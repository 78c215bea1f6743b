// The exact search: all rows of a matrix against the queries, a range of rows a thread.
#include <algorithm>
#include <exception>
#include <memory>

#include "base/pool.h"
#include "base/prefetch.h"
#include "heads/top_k.h"
#include "kernels/kernels.h"
#include "linalg/packed_product.h"
#include "linalg/tiles.h"

namespace widehead {

namespace {

constexpr size_t kBlock = 512;            // rows asked for at a time
constexpr size_t kStrip = 8;              // rows between two prefetches where memory is the limit
constexpr size_t kAheadFloats = 2048;     // how far they reach
constexpr size_t kMostQueries = 192;      // at once: whole tiles, and
constexpr size_t kPackedFloats = 196608;  // packed they take less than half of a second-level cache
constexpr size_t kFloatsPerPart = 65536;  // of W: fewer are not worth a thread
constexpr size_t kRowsPerPart = 16;
constexpr size_t kFewest = 4;  // rows of a call of dots: fewer would be summed in another order

// Some of the queries against all rows.
class QueryGroup {
 public:
  QueryGroup(const RowSearch& search, ConstMatrixF queries, const OutputMap& map, size_t k, bool square)
      : search_(search), queries_(queries), map_(map), k_(k), square_(square),
        parts_(std::clamp<size_t>(
            std::min(search.numClasses * queries.cols / kFloatsPerPart, search.numClasses / kRowsPerPart), 1,
            teamThreads())) {
    // gemm takes dots for as few queries too: the bits are those of logits().
    if (queries.rows > kThin) packed_ = std::make_unique<PackedFactor>(queries);
    for (size_t part = 0; part < parts_; part++) {
      ranges_.push_back({TopK(queries.rows, k, partBegin(part + 1) - partBegin(part), square, map), {}, {}, nullptr});
    }
  }

  void run(int32_t* classes, float* outputs) {
    parallelFor(parts_, 1, [this](size_t begin, size_t end) {
      for (size_t part = begin; part < end; part++) searchPart(part);
    });
    for (const Range& range : ranges_) {
      if (range.error) std::rethrow_exception(range.error);
    }
    for (size_t j = 0; j < queries_.rows; j++) merge(classes + j * k_, outputs + j * k_, j);
  }

 private:
  struct Range {
    TopK best;
    Buffer<float> scratch, scores;
    std::exception_ptr error;  // nothing may leave a thread's body
  };

  size_t partBegin(size_t part) const { return search_.numClasses * part / parts_; }

  void searchPart(size_t part) {
    Range& range = ranges_[part];
    const size_t first = partBegin(part), count = partBegin(part + 1) - first, blocks = ceilDiv(count, kBlock);
    try {
      for (size_t block = 0; block < blocks; block++) {
        const size_t begin = first + count * block / blocks, end = first + count * (block + 1) / blocks;
        const ConstMatrixF rows = search_.rows(begin, end, range.scratch);
        packed_ ? wideBlock(range, rows, begin) : thinBlock(range, rows, begin);
      }
    } catch (...) {
      range.error = std::current_exception();
    }
  }

  const float* shiftsFrom(size_t first) const {
    return search_.shifts == nullptr ? nullptr : search_.shifts + first * search_.shiftStride;
  }

  // Two tiles' rows at a time: their scores are looked at while they are in the first-level cache.
  void wideBlock(Range& range, ConstMatrixF rows, size_t first) {
    const size_t strip = 2 * kernels().mr, m = queries_.rows;
    range.scores.reserve(strip * m);
    for (size_t i = 0; i < rows.rows; i += strip) {
      const size_t n = std::min(strip, rows.rows - i), next = std::min(i + 2 * strip, rows.rows);
      const size_t floats = (std::min(next + strip, rows.rows) - next) * static_cast<size_t>(rows.rowStride);
      const MatrixF scores(range.scores.data(), n, m);
      packed_->multiply(scores, rows.rowRange(i, i + n), floats > 0 ? rows.row(next) : nullptr, floats);
      range.best.offerClasses(scores, shiftsFrom(first + i), search_.shiftStride, first + i);
    }
  }

  void thinBlock(Range& range, ConstMatrixF rows, size_t first) {
    const size_t m = queries_.rows, n = rows.rows;
    float* scores = range.scores.reserve(kThin * kBlock);
    const size_t floats = n * static_cast<size_t>(rows.rowStride), strip = kStrip * static_cast<size_t>(rows.rowStride);
    for (size_t next = 0; next < n; next += kStrip) {
      const size_t ahead = next * static_cast<size_t>(rows.rowStride) + kAheadFloats;
      if (ahead < floats) prefetchFloats(rows.data + ahead, std::min(strip, floats - ahead));
      // The last rows may be taken twice, with the same bits.
      const size_t i = n - next < kFewest && n >= kFewest ? n - kFewest : next;
      kernels().dots(scores + i, static_cast<ptrdiff_t>(kBlock), queries_.data, queries_.rowStride, m, rows.row(i),
                     rows.rowStride, std::min(kStrip, n - i), rows.cols);
    }
    const float* shifts = shiftsFrom(first);
    for (size_t j = 0; j < m; j++) {
      float* row = scores + j * kBlock;
      for (size_t i = 0; shifts != nullptr && i < n; i++) row[i] += shifts[i * search_.shiftStride];
      for (size_t i = 0; map_.offsets != nullptr && i < n; i++) row[i] = map_.output(row[i], j);
      range.best.offerOutputs(j, row, n, first);
    }
  }

  void merge(int32_t* classes, float* outputs, size_t j) {
    merged_.clear();
    for (const Range& range : ranges_)
      merged_.insert(merged_.end(), range.best.best(j).begin(), range.best.best(j).end());
    std::partial_sort(merged_.begin(), merged_.begin() + static_cast<ptrdiff_t>(k_), merged_.end(), ranksBefore);
    for (size_t i = 0; i < k_; i++) {
      classes[i] = static_cast<int32_t>(merged_[i].id);
      outputs[i] = merged_[i].score;
    }
  }

  const RowSearch& search_;
  const ConstMatrixF queries_;
  const OutputMap map_;
  const size_t k_;
  const bool square_;
  const size_t parts_;
  std::unique_ptr<PackedFactor> packed_;
  std::vector<Range> ranges_;
  std::vector<Ranked> merged_;
};

}  // namespace

void searchRows(int32_t* classes, float* outputs, const RowSearch& search, size_t k, bool square) {
  const size_t m = search.queries.rows;
  const size_t most = std::clamp<size_t>(kPackedFloats / search.queries.cols, kMostQueries / 4, kMostQueries);
  const size_t groups = ceilDiv(m, most);
  for (size_t group = 0; group < groups; group++) {
    const size_t begin = m * group / groups, end = m * (group + 1) / groups;
    OutputMap map = search.map;
    if (map.offsets != nullptr) map.offsets += begin;
    QueryGroup(search, search.queries.rowRange(begin, end), map, k, square).run(classes + begin * k, outputs + begin * k);
  }
}

}  // namespace widehead
