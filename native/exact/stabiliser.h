// Keeps U well conditioned and U^-T its inverse, without ever touching V (which learns of it through the log).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "exact/factored_weights.h"
#include "exact/singular_block.h"
#include "exact/step.h"

namespace widehead {

// When to do what; chosen in TypeScript (lib/heads/stabilisation.ts says how).
struct StabilisationPolicy {
  double lo;             // singular values of U are kept within [lo, 1 / lo]
  double singular;       // eigenvalues of a step below this are split off into the log
  size_t lookEvery;      // steps between two looks at U at the most
  size_t polishColumns;  // columns of U^-T that get a Newton-Schulz step each step of 64 examples or more
  double sweepRows;      // rows of V brought up to date for each entry of the log
};

class Stabiliser {
 public:
  explicit Stabiliser(size_t features);

  // After each step of so many examples: looks at U's extreme singular values when they can have left their band, corrects them, polishes
  // U^-T, and pays the log's running costs. The step has been made and must not look as if it had not: what memory is too short for
  // is no error, and is done after a later step. W is what it was at any moment.
  void afterStep(FactoredWeights& w, const StepEffect& effect, size_t examples, const StabilisationPolicy& policy);
  void archive(ByteStream& stream);
  // After FactoredWeights::refresh().
  void forgetEntries(const FactoredWeights& w) { paidLength_ = w.v.log().length(); }

  double smallest() const { return smallest_; }
  double largest() const { return largest_; }
  uint64_t corrections() const { return corrections_; }
  uint64_t splits() const { return splits_; }

 private:
  // A correction along y of length about 1: U^T y, U^-T^T y, and the factor s that y gets.
  struct Correction {
    std::vector<float> y;
    std::vector<double> wide, image, inverseImage;
    double factor, misfit;
  };

  void watch(FactoredWeights& w, const StepEffect& effect, bool due, double lo);
  // looked: the first look has been had. What is below lo is brought to `aim`.
  void keepAbove(FactoredWeights& w, double lo, double aim, bool looked);
  void keepBelow(FactoredWeights& w, double hi, bool looked);
  template <class Correct>
  double keepWithin(SingularBlock& block, const CompensatedMatrix& matrix, double limit, bool looked,
                    const Correct& correctAlong);
  void rescale(FactoredWeights& w);
  double correct(FactoredWeights& w, const float* x, double aim);
  Correction plan(const FactoredWeights& w, const float* y) const;
  const std::vector<float>* findRecent(const float* x) const;
  void remember(std::vector<float> y);
  void apply(FactoredWeights& w, const Correction& correction);
  void polish(FactoredWeights& w, const std::vector<double>& p);
  void polishColumns(FactoredWeights& w);
  void payLog(FactoredWeights& w, const StabilisationPolicy& policy);

  const size_t features_;
  SingularBlock inverse_, forward_;         // of U^-T, whose largest values are U's smallest, and of U
  double smallest_ = 1, largest_ = 1;       // bounds on the singular values of U
  double polishDue_ = 0;                    // columns of U^-T
  bool thorough_ = false;                   // looks go on until one finds nothing
  std::vector<std::vector<float>> recent_;  // directions of the last corrections, newest first
  std::vector<double> image_, rest_;        // scratch of polishing: kPolish vectors at the most
  size_t nextColumn_ = 0, sinceLook_ = 0;
  uint64_t corrections_ = 0, splits_ = 0, paidLength_ = 0;
  double sweepDue_ = 0;
};

}  // namespace widehead
