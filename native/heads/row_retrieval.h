// Classes whose outputs for a minibatch are probably large, from hash tables over the rows of V, asked with U h: o_c - omega . h = v_c .
// (U h). The dense part of an update changes no row of V, so that only the rows that a step writes are hashed again, after every
// `rehashEvery` steps. Corrections in the log turn all rows and U h alike: after more of them than a sixteenth of the features, all rows
// are hashed.
#pragma once

#include "exact/row_store.h"
#include "hashing/candidate_query.h"
#include "hashing/class_index.h"

namespace widehead {

struct RetrievalSettings {
  size_t limit = 0;       // classes found for a minibatch, which all examples see
  size_t perExample = 0;  // those found for an example, which it alone sees
  IndexSettings index;
  size_t rehashEvery = 64, bucketLimit = 512;  // as lib/heads/bulk-softmax.ts says
};

struct RetrievalScratch {
  CandidateQuery query;
  HashScratch hash;
  Buffer<float> hu, augmented;
  Buffer<uint32_t> buckets;

  size_t bytes() const { return query.bytes() + hu.bytes() + augmented.bytes() + buckets.bytes(); }
};

class RowRetrieval {
 public:
  RowRetrieval(const RetrievalSettings& settings, const RowStore& v);

  // Lists the classes that most tables hold near each row of hu (m x n) in scratch.query.
  void search(RetrievalScratch& scratch, ConstMatrixF hu, uint64_t version) const;
  // Appends `limit` classes of those lists at most, none that is in `classes` already, which rise before and after.
  void unite(std::vector<uint32_t>& classes, RetrievalScratch& scratch) const;

  // These rows are about to change. May throw for want of memory, before anything has changed.
  void touch(const std::vector<uint32_t>& classes) { index_.touch(classes.data(), classes.size()); }
  void afterStep(uint64_t version);

  void archive(Archive& archive);
  void checkRestored() { index_.checkRestored(); }
  size_t bytes() const { return index_.bytes(); }

 private:
  const RetrievalSettings settings_;
  const RowStore& v_;
  uint64_t hashedAt_ = 0;  // where the log ended when all rows were hashed
  ClassIndex index_;
};

}  // namespace widehead
