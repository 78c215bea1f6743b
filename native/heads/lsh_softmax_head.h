// Softmax over the true classes and negatives drawn from hash tables (Daghaghi et al., ICML 2021): from the buckets of the hidden
// vector, or from those of a true class's own row. Random classes fill up what the buckets lack.
//
// As published there is no correction, and the normaliser is too small. With `correction` half of the negatives come from the
// tables and half are drawn uniformly, without replacement, from all other classes. Given the tables and the minibatch, the first
// half H (with the targets) is fixed: it is in the set for sure. Each of the D - |H| others is in it with the probability
// p = S / (D - |H|), S of them drawn. So
//
//   sum over H of exp(o_c)  +  1/p  sum over the drawn of exp(o_c)
//
// has the full sum of exponentials as its mean (Horvitz and Thompson 1952), and likewise the sums in the gradient, of which the softmax
// is a ratio: consistent, with a bias that falls as 1/S and is 0 when all are drawn. The tables take the large terms out of what is
// sampled, where the variance would be. 1/p is the correction -log p of the drawn logits.
//
// Among several ranks each does so with its own classes and its share of S: H and p are its own, and the mean holds for the sum over ranks.
#pragma once

#include "heads/hashed_head.h"

namespace widehead {

struct LshSettings : HashedSettings {
  size_t samples;   // negatives of a minibatch; of an example if they are its own
  bool labelQuery;  // look where the true class lies, not where the hidden vector would
  bool correction;  // not with perExample
};

class LshSampledSoftmaxHead : public HashedHead {
 public:
  LshSampledSoftmaxHead(const HeadConfig& config, const InitConfig& init, const OptimizerSettings& optimizer,
                        const LshSettings& settings)
      : HashedHead(config, init, optimizer, settings), settings_(settings) {}

 protected:
  void choose(Candidates& candidates, const Pass& pass) const override;

 private:
  // The number of queries made.
  size_t queryLabels(Retrieval& retrieval, const Pass& pass) const;
  // out (labels x tables) = the buckets of these classes.
  void copyCodes(uint32_t* out, const std::vector<uint32_t>& labels) const;
  void addUniform(Candidates& candidates, Retrieval& retrieval, const Pass& pass, size_t samples) const;

  const LshSettings settings_;
};

}  // namespace widehead
