// Hash tables over the ids 0 .. numIds - 1: which ids lie in a bucket of a table.
//
// Two layers of flat arrays filled by counting sort (offsets and ids, those of a bucket in rising order): one of all ids as they lay
// when it was built, and over it a small one of the ids that have moved since, sorted anew with each move(). Of the large one
// those are skipped that have moved: one bit an id says so. Nothing is allocated for a bucket, and nothing is searched for.
//
// Memory: 4 bytes an id and table for the codes and 4 for the sorted ids, 8 a bucket and table, 4 a moved id and table, 1 bit an id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/archive.h"
#include "base/buffer.h"
#include "base/pages.h"
#include "hashing/id_counter.h"

namespace widehead {

class HashTables {
 public:
  HashTables(size_t numIds, size_t tables, size_t buckets);

  size_t numIds() const { return numIds_; }
  size_t tables() const { return tables_; }
  size_t buckets() const { return buckets_; }
  // The bucket of each table that the id lies in.
  const uint32_t* codes(uint32_t id) const { return &codes_[size_t{id} * tables_]; }
  uint32_t* codes(uint32_t id) { return &codes_[size_t{id} * tables_]; }  // for filling before rebuild()

  // Sorts all ids by their codes, so that none has moved.
  void rebuild();
  // Gives `count` different ids the codes fresh (count x tables). Returns how many codes are not what they were. Sorts everything anew
  // where more than rebuildShare of all ids have moved. Throws for want of memory only before anything has changed.
  size_t move(const uint32_t* ids, const uint32_t* fresh, size_t count, double rebuildShare = 1);
  // The share of all ids that have moved.
  double movedShare() const { return static_cast<double>(moved_.size()) / static_cast<double>(numIds_); }

  // Calls visit(id) for the ids of a bucket, each once, until visit returns false; soon(id) some calls before it. With start > 0 the
  // sorted ids are visited from the start-th on and around.
  template <class Visit, class Soon>
  void visit(size_t table, uint32_t bucket, size_t start, Visit visit, Soon soon) const;
  // Asks for what visit() will read first: for each bucket a wait for memory.
  void prefetch(size_t table, uint32_t bucket) const;
  void prefetchOffsets(size_t table, uint32_t bucket) const;
  // The ids of a bucket in the large layer, moved ones included.
  size_t sortedSize(size_t table, uint32_t bucket) const { return all_.end(table, bucket) - all_.begin(table, bucket); }

  void archive(Archive& archive);
  // After loading, once the streamed rows are there: sorts the ids that have moved.
  void checkRestored();
  size_t bytes() const;

 private:
  struct Layer {
    Pages<uint32_t> offsets;  // tables x (buckets + 1)
    Buffer<uint32_t> ids;     // tables x count
    size_t count = 0, buckets = 0;

    uint32_t begin(size_t table, uint32_t bucket) const { return offsets[table * (buckets + 1) + bucket]; }
    uint32_t end(size_t table, uint32_t bucket) const { return offsets[table * (buckets + 1) + bucket + 1]; }
    size_t bytes() const { return offsets.bytes() + ids.bytes(); }
  };

  static constexpr size_t kGroup = 16, kTile = 256;
  // listed: the layer's ids; nullptr for all.
  void sortLayer(Layer& layer, const uint32_t* listed, size_t count);
  void sortTables(Layer& layer, const uint32_t* listed, size_t begin, size_t end);
  template <class Body>
  void eachTile(const uint32_t* listed, size_t count, size_t begin, size_t end, Body body) const;
  bool hasMoved(uint32_t id) const { return isMoved_[id / 64] >> (id % 64) & 1; }

  size_t numIds_, tables_, buckets_;
  Pages<uint32_t> codes_;  // numIds x tables
  Layer all_, over_;
  std::vector<uint32_t> moved_;
  Pages<uint64_t> isMoved_;          // a bit an id
  std::vector<uint32_t> differing_;  // scratch of move()
};

template <class Visit, class Soon>
void HashTables::visit(size_t table, uint32_t bucket, size_t start, Visit visit, Soon soon) const {
  constexpr uint32_t kAhead = 12;
  const uint32_t* ids = all_.ids.data() + table * all_.count;
  const auto visitRange = [&](uint32_t begin, uint32_t end) {
    for (uint32_t i = begin; i < end; i++) {
      if (i + kAhead < end) soon(ids[i + kAhead]);
      if (!hasMoved(ids[i]) && !visit(ids[i])) return false;
    }
    return true;
  };
  const uint32_t begin = all_.begin(table, bucket), middle = begin + static_cast<uint32_t>(start);
  if (!visitRange(middle, all_.end(table, bucket)) || !visitRange(begin, middle) || over_.count == 0) return;
  const uint32_t* movedIds = over_.ids.data() + table * over_.count;
  for (uint32_t i = over_.begin(table, bucket); i < over_.end(table, bucket); i++) {
    if (!visit(movedIds[i])) return;
  }
}

inline void HashTables::prefetchOffsets(size_t table, uint32_t bucket) const {
  prefetchLine(&all_.offsets[table * (buckets_ + 1) + bucket]);
  prefetchLine(&over_.offsets[table * (buckets_ + 1) + bucket]);
}

inline void HashTables::prefetch(size_t table, uint32_t bucket) const {
  const uint32_t* first = &all_.ids[table * numIds_ + all_.begin(table, bucket)];
  prefetchLine(first);
  prefetchLine(first + 16);
  if (over_.count > 0) prefetchLine(&over_.ids[table * over_.count + over_.begin(table, bucket)]);
}

}  // namespace widehead
