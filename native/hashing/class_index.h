// Which classes are alike a vector: tables over the hashes of their rows of weights, kept up to date as rows change.
//
// A row whose weights change keeps its old hashes until the next refresh(), which hashes the changed rows alone. Right after
// it every row lies where its weights say. When more than `rebuildShare` of all classes have moved, the tables are sorted anew.
//
// With `augment` rows get the norm that they lack to the longest row as one more coordinate, vectors that are asked for a 0 (Neyshabur and
// Srebro, arXiv 1410.5518): then all rows are of one length, and the angle orders classes by w . h and not by w . h / |w|.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/buffer.h"
#include "hashing/hash_family.h"
#include "hashing/hash_tables.h"

namespace widehead {

struct IndexSettings {
  HashSettings hash;  // dimension: that of a row, without what is augmented
  bool augment = false;
  double rebuildShare = 0.1;
};

class ClassIndex {
 public:
  // out (n x dimension) = rows of the classes named.
  using Gather = std::function<void(float* out, const uint32_t* ids, size_t n)>;

  ClassIndex(const IndexSettings& settings, size_t numClasses, Gather gather);

  // The rows of these classes are about to change. May throw for want of memory, before anything has changed.
  void touch(const uint32_t* ids, size_t n);
  void touchAll();
  size_t touched() const { return touched_.size(); }
  // Hashes the rows that were touched. If memory is short they stay as they are until the next time.
  void refresh() noexcept;

  const HashTables& tables() const { return tables_; }
  // out (m x tables) = buckets of m vectors of `dimension` numbers.
  void hash(uint32_t* out, const float* vectors, size_t m, HashScratch& scratch, Buffer<float>& augmented) const;

  void archive(Archive& archive);
  // After loading, once the streamed rows are there. Rows that were saved by another number of ranks are all hashed anew.
  void checkRestored();

  uint64_t rebuilds() const { return rebuilds_; }
  size_t bytes() const;

 private:
  void hashAll();
  void hashTouched();
  void hashRows(uint32_t* out, const uint32_t* ids, size_t n);
  double longestRow();

  const IndexSettings settings_;
  const Gather gather_;
  const std::unique_ptr<HashFamily> family_;
  HashTables tables_;
  std::vector<uint32_t> touched_;
  Pages<uint64_t> isTouched_;  // a bit a class
  float longest_ = 0;          // the length that augmented rows have
  uint64_t rebuilds_ = 0;
  bool relaid_ = false;  // what is being loaded

  HashScratch scratch_;
  Buffer<float> rows_;
  Buffer<uint32_t> ids_, fresh_;
};

}  // namespace widehead
