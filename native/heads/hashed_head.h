// What the softmax heads have in common that find their candidates by hashing the rows of W.
//
// Hashes lag behind the weights: rows that changed are hashed again after every `rehashEvery` steps, so that each row lies where
// its weights of less than that many steps ago say, and all lie right after a multiple of it.
//
// Among several ranks each has tables of its own rows, asks them for the minibatches of all, and finds its share of the candidates.
#pragma once

#include "hashing/candidate_query.h"
#include "hashing/class_index.h"
#include "heads/softmax_head.h"

namespace widehead {

struct HashedSettings {
  IndexSettings index;
  size_t rehashEvery;
  size_t bucketLimit;  // ids looked at in a bucket
  bool perExample;
  uint64_t seed;
};

// The scratch of a search in the tables.
struct Retrieval {
  CandidateQuery query;
  HashScratch hash;
  Buffer<float> augmented;
  Buffer<uint32_t> buckets;       // of each query, one a table
  std::vector<uint32_t> queryOf;  // of each example, or kNoQuery
  std::vector<uint32_t> extra;    // classes beside the targets
  IdCounter seen;

  static constexpr uint32_t kNoQuery = UINT32_MAX;
  size_t bytes() const { return query.bytes() + augmented.bytes() + buckets.bytes() + seen.bytes(); }
};

struct HashedPass : SoftmaxPass {
  mutable Retrieval retrieval;  // choosing reads the minibatch and leaves nothing but the candidates

  size_t bytes() const override { return SoftmaxPass::bytes() + retrieval.bytes(); }
};

class HashedHead : public CandidateHead {
 public:
  std::unique_ptr<Pass> newPass() const override { return std::make_unique<HashedPass>(); }
  double apply(Pass& pass, const ApplyOptions& options) override;
  void searchTopK(int32_t* classes, float* logits, const float* hidden, size_t m, size_t k,
                  size_t candidates) const override;
  size_t bytes() const override { return CandidateHead::bytes() + index_.bytes(); }
  std::map<std::string, double> diagnostics() const override;
  void archive(Archive& archive) override;
  void checkRestored() override { index_.checkRestored(); }

 protected:
  HashedHead(const HeadConfig& config, const InitConfig& init, const OptimizerSettings& optimizer,
             const HashedSettings& settings);

  // Random numbers of this step: a stream of its own for each purpose; and that of this rank, which on the first one is the same.
  uint64_t stepSeed(uint64_t purpose) const;
  uint64_t ownSeed(uint64_t purpose) const;
  // Of a number of classes that all ranks find together: this one's share.
  size_t shareOf(size_t count) const { return (count + table_.shard().size - 1) / table_.shard().size; }
  void queryHidden(Retrieval& retrieval, const Pass& pass) const;
  // The targets and retrieval.extra, all of which every example sees.
  void shareCandidates(Candidates& candidates, const Retrieval& retrieval, const Pass& pass) const;
  // Each example's own: its targets, the list of its query and, up to `atLeast` classes beside the targets, others at random.
  void ownCandidates(Candidates& candidates, Retrieval& retrieval, const Pass& pass, size_t atLeast) const;

  // The examples whose buckets hold fewer than k classes.
  void searchExactly(const CandidateQuery& query, int32_t* classes, float* logits, const float* hidden, size_t m,
                     size_t k) const;

  const HashedSettings hashed_;
  ClassIndex index_;
};

// Appends `count` ids below numIds, drawn uniformly without replacement from those that `seen` does not hold; all of them if
// they are fewer. Uses `seen`, which must have room for them.
void drawOthers(std::vector<uint32_t>& out, IdCounter& seen, size_t count, size_t numIds, uint64_t seed);

}  // namespace widehead
