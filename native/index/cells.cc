#include "index/cells.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "base/pool.h"
#include "base/rng.h"
#include "kernels/kernels.h"
#include "linalg/packed_product.h"
#include "linalg/tiles.h"

namespace widehead {

namespace {

constexpr size_t kSamplePerCell = 64;  // rows that a centre is trained on, about
constexpr size_t kIterations = 8;
constexpr size_t kRows = 128;     // assigned at a time, and
constexpr size_t kCentres = 480;  // whole tiles of centres: their products stay in a second-level cache

// |x - c|^2 is least where x . c - |c|^2 / 2 is largest.
class Assignment {
 public:
  explicit Assignment(ConstMatrixF centres) {
    for (size_t begin = 0; begin < centres.rows; begin += kCentres) {
      const ConstMatrixF part = centres.rowRange(begin, std::min(begin + kCentres, centres.rows));
      packed_.emplace_back(part);
      for (size_t i = 0; i < part.rows; i++) {
        halfSquares_.push_back(static_cast<float>(0.5 * kernels().dotDouble(part.row(i), part.row(i), part.cols)));
      }
    }
  }

  // cellOf[i] for up to kRows rows; scores holds kRows * kCentres numbers.
  void run(uint32_t* cellOf, ConstMatrixF rows, float* scores) const {
    float best[kRows];
    std::fill_n(best, rows.rows, -std::numeric_limits<float>::infinity());
    std::fill_n(cellOf, rows.rows, 0u);
    size_t first = 0;
    for (const PackedFactor& packed : packed_) {
      const size_t n = packed.columns();
      packed.multiply(MatrixF(scores, rows.rows, n), rows, nullptr, 0);
      for (size_t i = 0; i < rows.rows; i++) {
        float* row = scores + i * n;
        for (size_t c = 0; c < n; c++) row[c] -= halfSquares_[first + c];
        const float most = kernels().largest(row, n);
        if (!(most > best[i])) continue;
        best[i] = most;
        cellOf[i] = static_cast<uint32_t>(first + static_cast<size_t>(std::find(row, row + n, most) - row));
      }
      first += n;
    }
  }

 private:
  std::vector<PackedFactor> packed_;
  std::vector<float> halfSquares_;
};

// Rows from all over the matrix, one from each of `count` stretches of about equal length.
Buffer<float> sampleRows(ConstMatrixF rows, size_t count, uint64_t seed) {
  Buffer<float> sample(count * rows.cols);
  parallelFor(count, 256, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      const size_t first = rows.rows * i / count, length = rows.rows * (i + 1) / count - first;
      const size_t row = first + randomBelow(seed, i, length);
      std::copy_n(rows.row(row), rows.cols, &sample[i * rows.cols]);
    }
  });
  return sample;
}

// The places of the sample's rows, cell after cell, in the order of the rows.
struct Members {
  std::vector<uint32_t> begin, places;

  Members(const std::vector<uint32_t>& cellOf, size_t cells) : begin(cells + 1), places(cellOf.size()) {
    for (const uint32_t cell : cellOf) begin[cell + 1]++;
    for (size_t c = 0; c < cells; c++) begin[c + 1] += begin[c];
    std::vector<uint32_t> next(begin.begin(), begin.end() - 1);
    for (size_t i = 0; i < cellOf.size(); i++) places[next[cellOf[i]]++] = static_cast<uint32_t>(i);
  }
  size_t size(size_t cell) const { return begin[cell + 1] - begin[cell]; }
};

// Each centre becomes the mean of its members; one without any takes a member of a large cell, which then has one to spare.
void moveCentres(MatrixF centres, ConstMatrixF sample, const Members& members) {
  const size_t n = centres.cols;
  std::vector<double> sums(teamThreads() * n);
  const size_t parts = teamThreads();
  parallelFor(parts, 1, [&](size_t first, size_t last) {
    for (size_t part = first; part < last; part++) {
      double* sum = &sums[part * n];
      for (size_t c = centres.rows * part / parts; c < centres.rows * (part + 1) / parts; c++) {
        if (members.size(c) == 0) continue;
        std::fill_n(sum, n, 0.0);
        for (size_t i = members.begin[c]; i < members.begin[c + 1]; i++)
          kernels().axpyWide(sum, 1, sample.row(members.places[i]), n);
        const double share = 1.0 / static_cast<double>(members.size(c));
        for (size_t i = 0; i < n; i++) centres(c, i) = static_cast<float>(share * sum[i]);
      }
    }
  });
  std::vector<std::pair<size_t, size_t>> large;  // (members not given away, cell)
  for (size_t c = 0; c < centres.rows; c++) {
    if (members.size(c) > 1) large.push_back({members.size(c), c});
  }
  std::make_heap(large.begin(), large.end());
  for (size_t c = 0; c < centres.rows && !large.empty(); c++) {
    if (members.size(c) > 0) continue;
    std::pop_heap(large.begin(), large.end());
    const size_t from = large.back().second, spare = --large.back().first;
    std::copy_n(sample.row(members.places[members.begin[from] + spare]), n, centres.row(c));
    if (spare > 1) {
      std::push_heap(large.begin(), large.end());
    } else {
      large.pop_back();
    }
  }
}

}  // namespace

Buffer<float> trainCells(ConstMatrixF rows, size_t count, uint64_t seed) {
  const size_t n = rows.cols, size = std::min(rows.rows, count * kSamplePerCell);
  const Buffer<float> taken = sampleRows(rows, size, seed);
  const ConstMatrixF sample(taken.data(), size, n);
  Buffer<float> centres(count * n);
  for (size_t c = 0; c < count; c++) std::copy_n(sample.row(size * c / count), n, &centres[c * n]);
  std::vector<uint32_t> cellOf(size);
  for (size_t iteration = 0; iteration < kIterations; iteration++) {
    assignCells(cellOf.data(), sample, ConstMatrixF(centres.data(), count, n));
    moveCentres(MatrixF(centres.data(), count, n), sample, Members(cellOf, count));
  }
  return centres;
}

void assignCells(uint32_t* cellOf, ConstMatrixF rows, ConstMatrixF centres) {
  const Assignment assignment(centres);
  const size_t blocks = ceilDiv(rows.rows, kRows), parts = std::min(teamThreads(), blocks),
               scores = kRows * std::min(kCentres, centres.rows);
  const Buffer<float> scratch(parts * scores);
  parallelFor(parts, 1, [&](size_t first, size_t last) {
    for (size_t part = first; part < last; part++) {
      for (size_t block = blocks * part / parts; block < blocks * (part + 1) / parts; block++) {
        const size_t begin = block * kRows, end = std::min(begin + kRows, rows.rows);
        assignment.run(cellOf + begin, rows.rowRange(begin, end), &scratch[part * scores]);
      }
    }
  });
}

}  // namespace widehead
