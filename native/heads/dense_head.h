// The obviously right head: forms W and all D outputs, O(D d) an example. The exact head must equal it, and is measured against it.
#pragma once

#include "base/pages.h"
#include "heads/head.h"

namespace widehead {

class DenseHead : public Head {
 public:
  DenseHead(const HeadConfig& config, const InitConfig& init);

  std::unique_ptr<Pass> newPass() const override;
  void score(Pass& pass) const override;
  void differentiate(Pass& pass) const override;
  double apply(Pass& pass, const ApplyOptions& options) override;
  void logits(float* out, const float* hidden, size_t m, const uint32_t* classes, size_t n) const override;
  void topK(int32_t* classes, float* logits, const float* hidden, size_t m, size_t k, bool square) const override;
  void rows(float* out, const uint32_t* classes, size_t n) const override;
  size_t bytes() const override { return w_.bytes(); }
  std::map<std::string, double> diagnostics() const override;

 private:
  Pages<float> w_;  // D x features
};

}  // namespace widehead
