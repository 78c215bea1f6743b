// An index over the rows of a head with their biases: hidden vectors in, classes and outputs out.
#pragma once

#include "heads/head.h"
#include "index/product_index.h"

namespace widehead {

class HeadIndex {
 public:
  // Keeps nothing of the head. settings.queries are hidden vectors; square: classes are ranked by the squares of their outputs.
  HeadIndex(const Head& head, const ProductIndexSettings& settings, bool square);

  // As Head::topK; search.shortlist products are computed (of either sign where squares rank).
  void search(int32_t* classes, float* logits, const float* hidden, size_t m, const ProductSearch& search) const;

  size_t hiddenSize() const { return config_.hiddenSize; }
  const ProductIndex& rows() const { return index_; }

 private:
  void searchBothSigns(int32_t* classes, float* logits, std::vector<float>& queries, size_t m,
                       const ProductSearch& search) const;

  const HeadConfig config_;
  const bool square_;
  const ProductIndex index_;
};

}  // namespace widehead
