// Hierarchical softmax: a class's probability is the product of the decisions on the way to it in a Huffman tree (Morin and
// Bengio 2005; Mikolov et al. 2013). The exact likelihood of its own model, which is not the full softmax's, in O(depth d) an
// example.
//
// Inner node i has the row i of W; sigmoid(w_i . h + b_i) is the probability of its side 1. The table has D rows, so that W has
// the shape it has in every head: the last belongs to no node and is never trained.
//
// Results do not depend on the number of threads.
#pragma once

#include "heads/head.h"
#include "heads/huffman_tree.h"
#include "heads/row_table.h"

namespace widehead {

class HierarchicalSoftmaxHead : public Head {
 public:
  // counts: how often each class is expected, D numbers; null for all alike.
  HierarchicalSoftmaxHead(const HeadConfig& config, const InitConfig& init, const OptimizerSettings& optimizer,
                          const double* counts);

  std::unique_ptr<Pass> newPass() const override;
  void score(Pass& pass) const override;
  void differentiate(Pass& pass) const override;
  double apply(Pass& pass, const ApplyOptions& options) override;
  // Outputs are log-probabilities.
  void logits(float* out, const float* hidden, size_t m, const uint32_t* classes, size_t n) const override;
  void topK(int32_t* classes, float* logits, const float* hidden, size_t m, size_t k, bool square) const override;
  // The rows of inner nodes, not of classes.
  void rows(float* out, const uint32_t* nodes, size_t n) const override;
  size_t bytes() const override { return table_.bytes() + tree_.bytes(); }
  std::map<std::string, double> diagnostics() const override;
  void archive(Archive& archive) override;
  void checkRestored() override { tree_.checkRestored(); }

  const HuffmanTree& tree() const { return tree_; }

 private:
  float logOdds(uint32_t node, const float* h) const;

  HuffmanTree tree_;
  RowTable table_;
};

}  // namespace widehead
