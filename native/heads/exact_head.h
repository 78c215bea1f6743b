// The exact head: loss, gradient and update of the D x d weights in O(d^2) an example for any loss of the spherical family
// (Vincent, de Brebisson, Bouthillier, NIPS 2015; arXiv 1606.08061), with corrections that are never applied to all rows at once.
#pragma once

#include <memory>

#include "base/memory_reserve.h"
#include "exact/factored_weights.h"
#include "exact/stabiliser.h"
#include "exact/step.h"
#include "heads/head.h"

namespace widehead {

// A pass with the algebra of the step that follows it.
struct ExactHeadPass : ExactPass {
  std::unique_ptr<StepAlgebra> narrow = makeNarrowStep(), wide = makeWideStep();
  StepAlgebra& algebra() { return m <= features ? *narrow : *wide; }
  size_t bytes() const override { return ExactPass::bytes() + narrow->bytes() + wide->bytes(); }
};

class ExactHead : public Head {
 public:
  // file: where the rows of V are to be, if not in memory; starting weights go into a new one alone.
  ExactHead(const HeadConfig& config, const InitConfig& init, const StabilisationPolicy& policy, size_t stretch,
            std::unique_ptr<RowFile> file = nullptr);

  std::unique_ptr<Pass> newPass() const override;
  void score(Pass& pass) const override;
  void differentiate(Pass& pass) const override;
  double apply(Pass& pass, const ApplyOptions& options) override;
  void logits(float* out, const float* hidden, size_t m, const uint32_t* classes, size_t n) const override;
  void topK(int32_t* classes, float* logits, const float* hidden, size_t m, size_t k, bool square) const override;
  void rows(float* out, const uint32_t* classes, size_t n) const override;
  void join() override;
  uint64_t digest() const override;
  size_t bytes() const override { return weights_.bytes(); }
  std::map<std::string, double> diagnostics() const override;
  void archive(Archive& archive) override;
  void checkRestored() override { weights_.v.checkRestored(); }

  RowFile* file() const { return weights_.v.file(); }
  Drift drift() const { return weights_.drift(); }
  void refresh();
  // Brings all rows of V up to date, O(D d^2) at most: searches then read them where they lie, until the next update.
  void catchUp();
  void setPolicy(const StabilisationPolicy& policy) { policy_ = policy; }

 protected:
  const FactoredWeights& weights() const { return weights_; }
  // Between differentiate() and gradNorm(): the shared classes have got other gradients, V^T Y is `change` more (m x n) and the sums of an
  // example's Y are. dHidden stays.
  void addGradients(ExactHeadPass& pass, ConstMatrixF change, const std::vector<double>& sums) const;
  // The two parts of apply(): the Frobenius norm of the gradient, and W <- decay W - learningRate G H^T, which needs gradNorm() before it.
  double gradNorm(ExactHeadPass& pass) const;
  void update(ExactHeadPass& pass, double learningRate, double decay);

 private:
  struct Query;
  Query query(const float* hidden, size_t m) const;
  std::vector<uint32_t> rowsOf(const uint32_t* classes, size_t n) const;
  void scoreExample(ExactPass& pass, size_t j) const;
  void differentiateExample(ExactPass& pass, size_t j) const;
  void centre(ExactPass& pass, size_t j, double ybar) const;
  void updateVectors(const ExactPass& pass, double eta, const std::vector<double>& mean);
  void updateRows(ExactPass& pass, double eta, const float* x);

  FactoredWeights weights_;
  Stabiliser stabiliser_;
  StabilisationPolicy policy_;
  MemoryReserve reserve_;  // for updates that have begun
  bool joined_ = false;
};

}  // namespace widehead
