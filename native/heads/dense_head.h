// The obviously right head: forms W and all D outputs, O(D d) an example. The exact head must equal it, and is measured against it.
#pragma once

#include "heads/table_head.h"

namespace widehead {

class DenseHead : public TableHead {
 public:
  DenseHead(const HeadConfig& config, const InitConfig& init);

  std::unique_ptr<Pass> newPass() const override;
  void score(Pass& pass) const override;
  void differentiate(Pass& pass) const override;
  double apply(Pass& pass, const ApplyOptions& options) override;
};

}  // namespace widehead
