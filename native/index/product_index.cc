// How an index is made.
#include "index/product_index.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/pool.h"
#include "base/rng.h"
#include "heads/top_k.h"
#include "index/cells.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"
#include "linalg/tiles.h"

namespace widehead {

namespace {

constexpr size_t kRead = 4096;  // rows read at a time
constexpr size_t kLargest =
    8;  // times the mean size of a cell: longer lists are cut, so that a search in one has a bound
constexpr size_t kQueries = 256;  // made up to find the default, and
constexpr size_t kBest = 10;      // how many of the best of each it should find
// A query that is made up has this cosine with the row it is made from, as hidden vectors have with the row of their best class (0.51
// where it was measured, D = 10^5 and 10^6). Those have their other best classes in more cells: so many times the probes are taken.
constexpr double kCosine = 0.5;
constexpr size_t kMargin = 2;
constexpr float kSpreadWeights[] = {0, 1, 2, 3};

// Streams of random numbers.
enum Purpose : uint64_t { kRotate = 1, kSample, kChoose, kNoise };
uint64_t streamOf(uint64_t seed, Purpose purpose) { return randomBits(seed, purpose); }

}  // namespace

ProductIndex::ProductIndex(size_t numRows, size_t features, const ReadRows& read, const ProductIndexSettings& settings)
    : numRows_(numRows), features_(features), cells_(settings.cells),
      rows_(elementCount(numRows, features), Fill::Whole), rotation_(features, streamOf(settings.seed, kRotate)) {
  for (size_t first = 0; first < numRows; first += kRead) {
    read(&rows_[first * features], first, std::min(kRead, numRows - first));
  }
  centres_ = trainCells(rows(), cells_, streamOf(settings.seed, kSample));
  std::vector<uint32_t> cellOf(numRows);
  assignCells(cellOf.data(), rows(), centres());
  makeLists(cellOf);
  chooseProbes(cellOf, settings);
}

void ProductIndex::makeLists(const std::vector<uint32_t>& cellOf) {
  std::vector<size_t> begin(cells_ + 1);
  for (const uint32_t cell : cellOf) begin[cell + 1]++;
  const size_t most = ceilDiv(ceilDiv(kLargest * numRows_, cells_), kCodeRows) * kCodeRows;
  size_t blocks = 0;
  for (size_t cell = 0; cell < cells_; cell++) {
    for (size_t left = begin[cell + 1]; left > 0;) {
      const size_t size = std::min(left, most);
      lists_.push_back({static_cast<uint32_t>(cell), static_cast<uint32_t>(size), blocks, 0});
      blocks += ceilDiv(size, kCodeRows);
      left -= size;
    }
  }
  codes_ = Pages<uint8_t>(codeBytes(blocks, features_), Fill::Whole);
  ids_ = Pages<uint32_t>(blocks * kCodeRows, Fill::Whole);
  scales_ = Pages<float>(blocks * kCodeRows, Fill::Whole);
  // All lists of a cell but its last are full, so that its rows lie one after the other.
  std::vector<size_t> next(cells_);
  for (size_t i = lists_.size(); i-- > 0;) next[lists_[i].cell] = lists_[i].block * kCodeRows;
  for (size_t row = 0; row < numRows_; row++) ids_[next[cellOf[row]]++] = static_cast<uint32_t>(row);

  const Buffer<float> differences(teamThreads() * features_);
  const size_t parts = teamThreads();
  parallelFor(parts, 1, [&](size_t first, size_t last) {
    for (size_t part = first; part < last; part++) {
      for (size_t i = lists_.size() * part / parts; i < lists_.size() * (part + 1) / parts; i++) {
        encode(lists_[i], &differences[part * features_]);
      }
    }
  });
}

void ProductIndex::encode(List& list, float* difference) {
  const float* centre = &centres_[list.cell * features_];
  double squares = 0;
  for (size_t i = 0; i < list.size; i++) {
    const size_t place = list.block * kCodeRows + i;
    const float* row = &rows_[ids_[place] * features_];
    for (size_t j = 0; j < features_; j++) difference[j] = row[j] - centre[j];
    squares += kernels().dotDouble(difference, difference, features_);
    rotation_.apply(difference);
    uint8_t* block = &codes_[codeBytes(place / kCodeRows, features_)];
    scales_[place] = encodeRow(block, place % kCodeRows, difference, features_);
  }
  list.spread = static_cast<float>(std::sqrt(squares / static_cast<double>(list.size * features_)));
}

// Rows with noise: a network's hidden vectors point near the rows of their targets, and no nearer than noise lets them.
Buffer<float> ProductIndex::inventQueries(size_t count, uint64_t seed) const {
  Buffer<float> queries(count * features_);
  const double noise = std::sqrt(1 / (kCosine * kCosine) - 1);
  for (size_t j = 0; j < count; j++) {
    const size_t row = randomBelow(streamOf(seed, kChoose), j, numRows_);
    const float* from = &rows_[row * features_];
    const double scale = noise * std::sqrt(kernels().dotDouble(from, from, features_) / static_cast<double>(features_));
    for (size_t i = 0; i < features_; i++) {
      queries[j * features_ + i] =
          static_cast<float>(from[i] + scale * randomNormal(streamOf(seed, kNoise), j * features_ + i));
    }
  }
  return queries;
}

// The fewest probes that reach the lists of the best rows of the queries often enough. What the codes miss comes on top: half of what
// may be missed is theirs.
void ProductIndex::chooseProbes(const std::vector<uint32_t>& cellOf, const ProductIndexSettings& settings) {
  const size_t count = settings.queries != nullptr ? settings.queryCount : kQueries, k = std::min(kBest, numRows_);
  Buffer<float> invented;
  if (settings.queries == nullptr) invented = inventQueries(count, settings.seed);
  const ConstMatrixF queries(settings.queries != nullptr ? settings.queries : invented.data(), count, features_);
  std::vector<int32_t> best(count * k);
  std::vector<float> products(count * k);
  const auto inPlace = [this](size_t begin, size_t end, Buffer<float>&) { return rows().rowRange(begin, end); };
  searchRows(best.data(), products.data(), {numRows_, queries, inPlace}, k, false);

  std::vector<uint32_t> firstList(cells_), listOf(best.size());
  for (size_t i = lists_.size(); i-- > 0;) firstList[lists_[i].cell] = static_cast<uint32_t>(i);
  for (size_t i = 0; i < best.size(); i++) {
    const uint32_t row = static_cast<uint32_t>(best[i]);
    uint32_t list = firstList[cellOf[row]];
    // Rows lie in rising order of their ids in the lists of a cell.
    while (list + 1 < lists_.size() && lists_[list + 1].cell == cellOf[row] &&
           ids_[lists_[list + 1].block * kCodeRows] <= row)
      list++;
    listOf[i] = list;
  }
  Buffer<float> toCentres(count * cells_);
  gemm(MatrixF(toCentres.data(), count, cells_), queries, centres().transposed());
  const double wanted = (1 + settings.recall) / 2;
  probes_ = lists_.size() + 1;
  float chosen = 0;
  for (const float weight : kSpreadWeights) {
    spreadWeight_ = weight;
    const size_t probes = probesFor(queries, ConstMatrixF(toCentres.data(), count, cells_), listOf, wanted);
    if (probes >= probes_) continue;
    probes_ = probes;
    chosen = weight;
  }
  spreadWeight_ = chosen;
  if (settings.queries == nullptr) probes_ = std::min(kMargin * probes_, lists_.size());
}

size_t ProductIndex::probesFor(ConstMatrixF queries, ConstMatrixF toCentres, const std::vector<uint32_t>& listsOfBest,
                               double recall) const {
  const size_t k = listsOfBest.size() / queries.rows;
  std::vector<size_t> ranks(listsOfBest.size());
  parallelFor(queries.rows, 1, [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) {
      const float length = static_cast<float>(std::sqrt(kernels().dotDouble(queries.row(j), queries.row(j), features_)));
      for (size_t i = j * k; i < (j + 1) * k; i++) {
        const float own = promise(lists_[listsOfBest[i]], toCentres.row(j), length);
        size_t rank = 1;
        for (size_t list = 0; list < lists_.size(); list++) {
          const float other = promise(lists_[list], toCentres.row(j), length);
          rank += other > own || (other == own && list < listsOfBest[i]);
        }
        ranks[i] = rank;
      }
    }
  });
  const size_t needed =
      std::min(ranks.size() - 1, static_cast<size_t>(std::ceil(recall * static_cast<double>(ranks.size()))));
  std::nth_element(ranks.begin(), ranks.begin() + static_cast<ptrdiff_t>(needed), ranks.end());
  return ranks[needed];
}

size_t ProductIndex::bytes() const {
  return rows_.bytes() + centres_.bytes() + codes_.bytes() + ids_.bytes() + scales_.bytes() +
         lists_.size() * sizeof(List);
}

}  // namespace widehead
