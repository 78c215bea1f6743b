// A minibatch on its way through the bulk softmax: which classes its examples share, and which they have for themselves.
#pragma once

#include <cstdint>
#include <vector>

#include "heads/exact_head.h"
#include "heads/row_retrieval.h"

namespace widehead {

struct BulkPass : ExactHeadPass {
  struct SharedTarget {
    size_t place;  // in `sure`, then `drawn`
    float value;
  };

  Targets given;                          // as the minibatch has them: `targets` holds those that are not shared
  std::vector<uint32_t> sure;             // classes that all examples see, rising
  std::vector<uint32_t> drawn;            // the same, at random: no class of `sure`; rising
  std::vector<double> probabilities;      // that a draw has them in it
  std::vector<float> logWeights;          // of the shared columns of what is drawn
  std::vector<uint32_t> sharedTargetPtr;  // m + 1
  std::vector<SharedTarget> sharedTargets;
  // An example's own classes that are among the drawn: the columns of these have them, and stand for nothing else for it.
  std::vector<uint32_t> ownDrawnPtr;  // m + 1
  std::vector<size_t> ownDrawn;       // places as those of targets
  RetrievalScratch retrieval;
  bool keepsWhole = false;  // the rows of shared classes have rates of their own
  bool rated = false;       // the shared gradients, by the rates of their classes
  double heldBack = 0;      // what rates of at most 1 take from the squared norm, over gamma^2
  double gradNorm = 0;      // before that
  double bulkRate = 1;      // of all rows, in learning rates
  std::vector<float> sums;  // of each shared column after the step: Adagrad's

  size_t bytes() const override {
    return ExactHeadPass::bytes() + retrieval.bytes() + whole_.bytes() + chosen_.bytes() + rows_.bytes() +
           rowGradients_.bytes() + change_.bytes();
  }

  // From all targets to those of `sure` and each example's own: the rest, and up to `retrievedEach` of the classes found for it as
  // targets of value 0.
  void takeApart(size_t numClasses, size_t retrievedEach);
  // Reads the rows of what is shared.
  void gather(const RowStore& v, double share);
  // The whole derivatives for the shared outputs (m x S), over gamma and m: those of shared.gradients() lack the bulk's part.
  MatrixF whole() { return {whole_.data(), m, shared.count()}; }
  // The gradients of the rows of some shared columns, or of all, which rise; over gamma.
  void computeRowGradients(const std::vector<size_t>& columns);
  const float* rowGradient(size_t i) const { return &rowGradients_[i * features]; }
  // What is to be added to G for those columns to be rates times as large: its product with V_S, its sums; then it is added.
  void computeChange(const std::vector<double>& rates);
  ConstMatrixF change() const { return {change_.data(), m, features}; }
  const std::vector<double>& changeSums() const { return changeSums_; }
  void addChange();

 private:
  void addOwn(uint32_t id, float value);
  void addRetrieved(size_t j, size_t count);

  MatrixF derivatives() {
    return columns_.size() < shared.count() ? MatrixF(chosen_.data(), m, columns_.size()) : whole();
  }

  Buffer<float> whole_;          // m x S
  std::vector<size_t> columns_;  // some, or all
  Buffer<float> chosen_;         // m x columns, of some
  Buffer<float> rowGradients_;   // columns x n
  // What rates add: to each column in derivatives; rows of V times that, columns x n; V^T Y, m x n; ybar, m.
  std::vector<float> more_;
  Buffer<float> rows_, change_;
  std::vector<double> changeSums_;
  std::vector<uint32_t> ownPtr_, ownIds_;
  std::vector<float> ownValues_;
};

}  // namespace widehead
