// The softmax cross-entropy of a minibatch over a set of candidate classes: what all softmax heads share. They differ in how
// they choose the set.
//
//   o = w_c . h - correction_c  for the candidates c,   loss = -sum_c y_c log softmax(o)_c
//
// with the targets' values y as they are given: an example whose values sum to 1 has a distribution as its target. The set
// holds every target of the minibatch, each class once, so that a class is a target or a negative of an example and never both
// (no "accidental hits").
//
// Consistent estimates of the full softmax come from stratified sets: classes that are in the set for sure (the targets of the
// minibatch; those found by hashing) have no correction; of all others a random part is there, class c with the probability p_c,
// and its correction is log p_c. Then sum exp(o) estimates the full sum of exponentials without bias.
//
// Only rows of candidates change in apply().
//
// Among several ranks each has its own candidates: rows that it holds. Every rank sees the minibatches of all; what it knows of an
// example from its candidates, a sum of exponentials and a part of dHidden, is summed over ranks, and each updates its own rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/buffer.h"
#include "heads/head.h"
#include "heads/row_table.h"

namespace widehead {

// Classes by their rows in the table, which on one rank are their ids.
struct Candidates {
  bool all = false;               // every row, without corrections; what follows is not read then
  std::vector<uint32_t> rows;     // rising, each once; those of all targets of the minibatch among them
  std::vector<float> correction;  // one a row; empty: none
  // Empty: every example sees all candidates. Else example j sees rows[places[indptr[j]]] .. rows[places[indptr[j + 1] - 1]]
  // alone, places rising, its own targets among them.
  std::vector<uint32_t> indptr, places;
  uint64_t drawn = 0;  // among several ranks: a hash of what all must have drawn alike

  size_t count(const RowTable& table) const { return all ? table.rows() : rows.size(); }
  uint32_t rowAt(size_t place) const { return all ? static_cast<uint32_t>(place) : rows[place]; }
};

// rows and corrections from those that are there for sure and those drawn, each with the probability that it is in a draw.
// All lists rise; what is in both is there for sure.
void mergeCandidates(Candidates& candidates, const std::vector<uint32_t>& sure, const std::vector<uint32_t>& drawn,
                     const std::vector<double>& probabilities);

// The scratch of one minibatch on its way, numbers that the two shapes of the computation share.
struct SoftmaxScratch {
  static constexpr uint32_t kElsewhere = UINT32_MAX;
  std::vector<uint32_t> placeOf;  // among the candidates, of each distinct target; or kElsewhere, if another rank holds it
  std::vector<uint32_t> ownPlaces;  // the same of targets.own(): rising
  Buffer<float> largest;            // m: the shift of an example's exponentials; -infinity without candidates
  Buffer<double> sums;              // m: sum of its exponentials
  Buffer<float> means;              // m x d: the sum of the candidates' rows, weighted by them
  Buffer<float> coefficients;       // m: what makes an exponential a derivative, sum of y / (m * sum of exponentials)
  size_t width = 0;                 // d, without the bias
  size_t block = 0;                 // candidates at a time: the unit of gradients
};

// How logits and gradients are computed: by matrix products where examples share their candidates, else example by example.
class SoftmaxShape {
 public:
  virtual ~SoftmaxShape() = default;
  // Fills largest, sums and the targets' logits (pass.a); with `means` also those. Keeps what gradients() needs.
  virtual void score(SoftmaxScratch& scratch, const Candidates& candidates, const RowTable& table, Pass& pass,
                     bool means) = 0;
  // out = sum_j coefficient_j exp_jc h_j for the candidates c = begin .. end (a block); allocates nothing.
  virtual void gradients(float* out, SoftmaxScratch& scratch, const Candidates& candidates, const RowTable& table,
                         const Pass& pass, size_t begin, size_t end) = 0;
  virtual size_t bytes() const = 0;
};
std::unique_ptr<SoftmaxShape> makeSharedShape();
std::unique_ptr<SoftmaxShape> makeOwnShape();

class CandidateSoftmax {
 public:
  CandidateSoftmax() : shared_(makeSharedShape()), own_(makeOwnShape()) {}

  Candidates candidates;

  // Fills pass.losses and pass.loss; throws Error WIDEHEAD_LOSS. Without `differentiable`, differentiate() and apply() may not follow.
  // comm: of the ranks that share the classes, all of which are in the same call; null: no others.
  void score(const RowTable& table, Pass& pass, bool differentiable = true, Communicator* comm = nullptr);
  // Fills pass.dHidden, at the weights of score().
  void differentiate(const RowTable& table, Pass& pass) const;
  // One step on the rows of the candidates; the Frobenius norm of the gradient of all ranks'. Throws WIDEHEAD_LOSS if that is too
  // large, on all ranks and before anything has changed; else nothing, but for an exchange that fails: then the ranks can do nothing
  // together any more.
  double apply(RowTable& table, Pass& pass, const ApplyOptions& options);
  size_t bytes() const;

 private:
  void findTargets(const Pass& pass);
  void sumOverCandidates(Pass& pass);
  void sumLosses(Pass& pass);
  // Squared norm of the gradients of the candidates begin .. end, which it leaves in gradients_.
  double blockGradients(const RowTable& table, const Pass& pass, size_t begin, size_t end);
  void updateBlock(RowTable& table, const RowStep& step, size_t begin, size_t end);
  SoftmaxShape& shape() const { return candidates.indptr.empty() || candidates.all ? *shared_ : *own_; }

  Communicator* comm_ = nullptr;
  SoftmaxScratch scratch_;
  std::vector<LogSum> logSums_;  // m, over the candidates of all ranks; while they are summed one a target follows
  Buffer<float> gradients_;      // block x features
  std::unique_ptr<SoftmaxShape> shared_, own_;
};

}  // namespace widehead
