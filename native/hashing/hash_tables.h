// Hash tables over the ids 0 .. numIds - 1: which ids lie in a bucket of a table.
//
// Flat arrays filled by counting sort (offsets and ids, those of a bucket in rising order) and, for ids whose bucket has
// changed since, an update area of chained nodes. Nothing is removed: an id that is found counts only if its present code
// says that it lies there, and only ids that have moved need looking at. Nothing is allocated for a bucket.
//
// Memory: 4 bytes an id and table for the codes and 4 for the sorted ids, 8 a bucket and table, 8 a node, 1 bit an id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

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

  // Sorts all ids by their codes and empties the update area.
  void rebuild();
  // Gives `count` different ids, rising, the codes fresh (count x tables). Returns how many codes are not what they were. Throws for
  // want of memory only before anything has changed.
  size_t move(const uint32_t* ids, const uint32_t* fresh, size_t count);
  // The share of all entries that lie in the update area.
  double movedShare() const;

  // Calls visit(id) for the ids of a bucket, each once, until visit returns false; soon(id) some calls before it. With start > 0 the
  // sorted ids are visited from the start-th on and around.
  template <class Visit, class Soon>
  void visit(size_t table, uint32_t bucket, size_t start, Visit visit, Soon soon) const;
  // Asks for what visit() will read first: for each bucket a wait for memory.
  void prefetch(size_t table, uint32_t bucket) const;
  void prefetchOffsets(size_t table, uint32_t bucket) const;
  // The sorted ids of a bucket, moved ones included.
  size_t sortedSize(size_t table, uint32_t bucket) const {
    const uint32_t* offset = &offsets_[table * (buckets_ + 1) + bucket];
    return offset[1] - offset[0];
  }

  size_t bytes() const;

 private:
  struct Node {
    uint32_t id, next;  // next: place + 1 in the table's nodes; 0 ends a chain
  };

  bool hasMoved(uint32_t id) const { return moved_[id / 64] >> (id % 64) & 1; }
  static constexpr size_t kGroup = 16, kTile = 256;
  template <class Body>
  void eachTile(size_t begin, size_t end, Body body) const;
  void sortTables(size_t begin, size_t end);
  // The tables begin .. end - 1 of move(), for one id.
  void moveTables(uint32_t id, const uint32_t* fresh, size_t begin, size_t end);
  bool contains(size_t table, uint32_t bucket, uint32_t id) const;

  size_t numIds_, tables_, buckets_;
  Pages<uint32_t> codes_;    // numIds x tables
  Pages<uint32_t> sorted_;   // tables x numIds
  Pages<uint32_t> offsets_;  // tables x (buckets + 1)
  Pages<uint32_t> heads_;    // tables x buckets: place + 1 of the first node
  Pages<uint64_t> moved_;    // a bit an id
  std::vector<std::vector<Node>> nodes_;
  std::vector<uint32_t> differing_;  // scratch of move()
};

template <class Visit, class Soon>
void HashTables::visit(size_t table, uint32_t bucket, size_t start, Visit visit, Soon soon) const {
  constexpr uint32_t kAhead = 12;
  const uint32_t* offset = &offsets_[table * (buckets_ + 1) + bucket];
  const uint32_t* ids = &sorted_[table * numIds_];
  const auto visitRange = [&](uint32_t begin, uint32_t end) {
    for (uint32_t i = begin; i < end; i++) {
      if (i + kAhead < end) soon(ids[i + kAhead]);
      if (hasMoved(ids[i]) && codes(ids[i])[table] != bucket) continue;
      if (!visit(ids[i])) return false;
    }
    return true;
  };
  const uint32_t middle = offset[0] + static_cast<uint32_t>(start);
  if (!visitRange(middle, offset[1]) || !visitRange(offset[0], middle)) return;
  for (uint32_t place = heads_[table * buckets_ + bucket]; place != 0;) {
    const Node& node = nodes_[table][place - 1];
    if (codes(node.id)[table] == bucket && !visit(node.id)) return;
    place = node.next;
  }
}

inline void HashTables::prefetchOffsets(size_t table, uint32_t bucket) const {
  prefetchLine(&offsets_[table * (buckets_ + 1) + bucket]);
  prefetchLine(&heads_[table * buckets_ + bucket]);
}

inline void HashTables::prefetch(size_t table, uint32_t bucket) const {
  const uint32_t* first = &sorted_[table * numIds_ + offsets_[table * (buckets_ + 1) + bucket]];
  prefetchLine(first);
  prefetchLine(first + 16);
}

}  // namespace widehead
