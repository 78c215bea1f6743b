// What all heads with a row of weights for every class share: reading them.
#pragma once

#include "heads/head.h"
#include "heads/row_table.h"

namespace widehead {

class TableHead : public Head {
 public:
  void logits(float* out, const float* hidden, size_t m, const uint32_t* classes, size_t n) const override;
  void topK(int32_t* classes, float* logits, const float* hidden, size_t m, size_t k, bool square) const override;
  void rows(float* out, const uint32_t* classes, size_t n) const override;
  size_t bytes() const override { return table_.bytes(); }
  std::map<std::string, double> diagnostics() const override;
  void archive(Archive& archive) override;

 protected:
  TableHead(const HeadConfig& config, const InitConfig& init, const OptimizerSettings& optimizer);

  RowTable table_;
};

}  // namespace widehead
