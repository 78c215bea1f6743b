// Keeps U well conditioned and U^-T its inverse, without ever touching V (which learns of it through the log).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "exact/factored_weights.h"
#include "exact/step.h"

namespace widehead {

// When to do what; chosen in TypeScript (lib/heads/stabilisation.ts says how).
struct StabilisationPolicy {
  double lo;            // singular values of U are kept within [lo, 1 / lo]
  double singular;      // eigenvalues of a step below this are split off into the log
  size_t lookEvery;     // steps between two looks at U at the most
  size_t polishColumns;  // columns of U^-T that get a Newton-Schulz step each step
  double sweepRows;     // rows of V brought up to date for each entry of the log
};

class Stabiliser {
 public:
  explicit Stabiliser(size_t features);

  // After each step: looks at U's extreme singular values when they can have left their band, corrects them, polishes U^-T,
  // and pays the log's running costs.
  void afterStep(FactoredWeights& w, const StepEffect& effect, const StabilisationPolicy& policy);
  // After FactoredWeights::refresh().
  void forgetEntries(const FactoredWeights& w) { paidLength_ = w.v.log().length(); }

  double smallest() const { return smallest_; }
  double largest() const { return largest_; }
  uint64_t corrections() const { return corrections_; }
  uint64_t splits() const { return splits_; }

 private:
  double singularValue(const CompensatedMatrix& matrix, std::vector<double>& x, int iterations);
  void keepAbove(FactoredWeights& w, double lo);
  void keepBelow(FactoredWeights& w, double hi);
  void correct(FactoredWeights& w, const std::vector<double>& x, double s);
  void polish(FactoredWeights& w, const std::vector<double>& p);
  void polishColumn(FactoredWeights& w, size_t column);
  void payLog(FactoredWeights& w, const StabilisationPolicy& policy);

  const size_t features_;
  std::vector<double> small_, large_;  // last singular vectors: the next look starts from them
  double smallest_ = 1, largest_ = 1;  // bounds on the singular values of U
  size_t nextColumn_ = 0, sinceLook_ = 0;
  uint64_t corrections_ = 0, splits_ = 0, draws_ = 0, paidLength_ = 0;
  double sweepDue_ = 0;
};

}  // namespace widehead
