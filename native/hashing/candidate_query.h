// Candidates of the examples of a minibatch from hash tables, and their union.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/buffer.h"
#include "hashing/hash_tables.h"
#include "hashing/id_counter.h"

namespace widehead {

struct QuerySettings {
  size_t keep;  // candidates an example, at most
  // Ids looked at in one bucket, at most. Of a longer bucket those are looked at that follow a place drawn from `seed`, the
  // table and the bucket, around the end: the same ones for all examples of a minibatch, others under another seed.
  size_t bucketLimit = std::numeric_limits<size_t>::max();
  uint64_t seed = 0;
};

class CandidateQuery {
 public:
  // For each of m examples the ids that most of the buckets (m x tables, one a table) hold, best first, ties to the lower id.
  void byCount(const HashTables& tables, const uint32_t* buckets, size_t m, const QuerySettings& settings);
  // The first ids found, table after table from one drawn for the example, until there are enough.
  void untilEnough(const HashTables& tables, const uint32_t* buckets, size_t m, const QuerySettings& settings);

  size_t size(size_t j) const { return sizes_[j]; }
  const uint32_t* ids(size_t j) const { return &ids_[j * keep_]; }

  // The union of the lists, no more than `limit` ids: everyone's first, then everyone's second and so on, none that is
  // in `known` (count ids). In the order of their coming.
  const std::vector<uint32_t>& unite(size_t limit, const uint32_t* known, size_t count, size_t numIds);

  size_t bytes() const;

 private:
  // counter: found ids and their counts -> the list of example j.
  struct Scratch {
    IdCounter counter;
    Buffer<uint64_t> ranked;
    Buffer<uint32_t> withCount;
  };
  using Search = void (*)(const HashTables&, const uint32_t* buckets, size_t example, const QuerySettings&, Scratch&);

  void searchAll(const HashTables& tables, const uint32_t* buckets, size_t m, const QuerySettings& settings,
                 Search search, size_t mostFound);
  static void countIds(const HashTables&, const uint32_t* buckets, size_t example, const QuerySettings&, Scratch&);
  static void findIds(const HashTables&, const uint32_t* buckets, size_t example, const QuerySettings&, Scratch&);
  static size_t rank(Scratch& scratch, size_t keep, size_t tables);

  size_t keep_ = 0, m_ = 0;
  Buffer<uint32_t> ids_;  // m x keep
  std::vector<size_t> sizes_;
  std::vector<Scratch> scratch_;  // one a thread
  IdCounter seen_;
  std::vector<uint32_t> united_;
};

}  // namespace widehead
