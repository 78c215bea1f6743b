// An embedding table E and its bags: the only part of a trunk that grows with the vocabulary.
//
//   sums(b, :) = sum over the entries (id, w) of bag b of  c_b w E(id, :)
//
// with c_b = 1, 1 / n or 1 / sqrt(n) for a bag of n entries (combine sum, mean, sqrt); an empty bag gives zeros.
// Gradients are those of the whole minibatch: every entry of an id counts before its row is changed, once. Work is
// O(entries * cols) whatever the number of rows; rows that are not in the minibatch are not touched.
// Threads: fixed order of sums, results do not depend on their number. No allocation once buffers have their size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/matrix.h"
#include "base/pages.h"
#include "comm/meeting.h"
#include "optim/optimizer.h"
#include "trunk/bags.h"
#include "trunk/sorted_entries.h"

namespace widehead {

struct Combine {
  const char* name;
  double (*factor)(double entries);  // c_b
};

std::vector<std::string> combineNames();
// Throws WIDEHEAD_OUT_OF_RANGE if there is no such name.
const Combine& findCombine(const std::string& name);

class Embedding {
 public:
  // Rows start normal with standard deviation `scale`, a pure function of (seed, row, column).
  Embedding(size_t rows, size_t cols, const Combine& combine, const OptimizerSettings& optimizer, double scale,
            uint64_t seed);

  // sums: bags.count x cols, overwritten. bags were checked.
  void forward(MatrixF sums, const Bags& bags) const;

  // Copies what the backward pass needs, since the caller may write to its arrays in between.
  void keep(const Bags& bags);
  // Among several ranks: makes the bags that were kept those of all, one rank after the other, and returns the dSums of all, for what
  // follows. dSums: of the own bags; sizes[0] and sizes[1] of the calls: bags and entries. Each rank then makes the same update.
  void announce(Call& call) const;
  ConstMatrixF gather(Communicator& comm, const std::vector<Call>& calls, ConstMatrixF dSums);
  // Squared norm of the gradient; dSums: bags x cols of the bags kept last.
  double squaredGradientNorm(ConstMatrixF dSums);
  // Updates the rows of those bags with `scale` times their gradient. Only after squaredGradientNorm of the same dSums.
  void update(ConstMatrixF dSums, float scale, double learningRate);

  // Of the rows updated last.
  void addTo(Digest& digest) const;

  MatrixF table() const { return {table_.data(), rows_, cols_}; }
  const Optimizer& optimizer() const { return *optimizer_; }
  size_t bytes() const { return table_.bytes() + optimizer_->bytes(); }

 private:
  float factor(size_t entries) const;
  void prefetchRow(size_t id) const;
  // gradient (cols) = sum of w dSums(bag, :) over the sorted entries begin .. end, all of one id.
  void sumRun(float* gradient, ConstMatrixF dSums, size_t begin, size_t end) const;

  size_t rows_, cols_;
  const Combine& combine_;
  Pages<float> table_;
  std::unique_ptr<Optimizer> optimizer_;

  // Entries of the minibatch that was kept: their ids, bags and c_b w.
  Buffer<uint32_t> ids_, bagOf_;
  Buffer<float> weights_;
  size_t entries_ = 0, bags_ = 0;
  SortedEntries sorted_;
  std::vector<uint8_t> packed_;
  Buffer<float> gatheredSums_;
  Buffer<double> bagNorms_, blockNorms_;
  Buffer<float> gradients_;  // a row a block: each thread uses that of its first block
};

}  // namespace widehead
