// Approximate search for the rows with the largest products with a query: an inverted file with codes.
//
// Rows lie in cells around centres (cells.h); a row's difference from its centre is held in four bits a number (row_codes.h). A
// search takes the most promising cells by the product of the query with their centres, reads the codes of their rows, and computes
// the products of the best of those, the shortlist, with the rows themselves. The rows are those of the time when the index was
// made. How many cells a search takes by default is found out by queries whose answers are known, when the index is made.
//
// After Jegou, Douze, Schmid 2011 (inverted files of coded differences) and Guo et al. 2020 (arXiv 1908.10396, largest products).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/matrix.h"
#include "base/pages.h"
#include "index/rotation.h"
#include "index/row_codes.h"
#include "index/shortlist.h"

namespace widehead {

struct ProductIndexSettings {
  size_t cells = 1;      // 1 to the number of rows
  double recall = 0.95;  // the share of the ten best that the default search should find, above 0, below 1
  uint64_t seed = 0;
  const float* queries = nullptr;  // queryCount x n: what will be searched for; null: made up from the rows
  size_t queryCount = 0;
};

struct ProductSearch {
  size_t k;
  size_t probes;     // lists searched at least; more where they hold fewer than k rows
  size_t shortlist;  // products computed, at least k
};

class ProductIndex {
 public:
  // read(out, first, count) fills count x n numbers: rows first .. of the matrix. Called from one thread.
  using ReadRows = std::function<void(float* out, size_t first, size_t count)>;
  ProductIndex(size_t numRows, size_t features, const ReadRows& read, const ProductIndexSettings& settings);

  // ids, products: m x k, best first, ties to the lower id; queries m x n. A query's result does not depend on the number of threads
  // nor on the other queries.
  void search(int32_t* ids, float* products, const float* queries, size_t m, const ProductSearch& search) const;

  size_t numRows() const { return numRows_; }
  size_t features() const { return features_; }
  size_t cells() const { return cells_; }
  size_t lists() const { return lists_.size(); }
  size_t probes() const { return probes_; }  // the default
  size_t bytes() const;

 private:
  // Rows of one cell that lie together, in blocks of kCodeRows. A cell with many rows has several lists.
  struct List {
    uint32_t cell, size;
    size_t block;  // the first of its blocks
    float spread;  // of its rows around the centre, in one direction (root of the mean square)
  };
  struct Probe {
    float promise;
    uint32_t list;
  };
  struct Prober;

  void makeLists(const std::vector<uint32_t>& cellOf);
  void encode(List& list, float* difference);
  void chooseProbes(const std::vector<uint32_t>& cellOf, const ProductIndexSettings& settings);
  Buffer<float> inventQueries(size_t count, uint64_t seed) const;
  size_t probesFor(ConstMatrixF queries, ConstMatrixF toCentres, const std::vector<uint32_t>& listsOfBest,
                   double recall) const;

  float promise(const List& list, const float* toCentres, float length) const {
    return toCentres[list.cell] + spreadWeight_ * length * list.spread;
  }
  void multiplyCentres(float* out, ConstMatrixF queries) const;
  void prepare(Prober& prober, const float* query, const float* toCentres, const ProductSearch& search) const;
  void scan(Prober& prober, const Prober& plan, const float* toCentres, size_t first, size_t step) const;
  void scanList(Shortlist& found, const List& list, float toCentre, const CodedQuery& query) const;
  void searchOne(int32_t* ids, float* products, const float* query, const float* toCentres, const ProductSearch& search,
                 std::vector<Prober>& probers) const;
  void searchInTurn(int32_t* ids, float* products, ConstMatrixF queries, const ProductSearch& search) const;
  void searchAtOnce(int32_t* ids, float* products, ConstMatrixF queries, const ProductSearch& search) const;

  ConstMatrixF rows() const { return {rows_.data(), numRows_, features_}; }
  ConstMatrixF centres() const { return {centres_.data(), cells_, features_}; }

  const size_t numRows_, features_, cells_;
  Pages<float> rows_;
  Buffer<float> centres_;
  const Rotation rotation_;
  std::vector<List> lists_;
  Pages<uint8_t> codes_;
  Pages<uint32_t> ids_;  // of each place in the blocks
  Pages<float> scales_;
  size_t probes_ = 1;
  float spreadWeight_ = 0;
};

}  // namespace widehead
