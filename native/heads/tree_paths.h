// The paths from the root to the classes of a minibatch, each inner node once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "heads/huffman_tree.h"
#include "heads/targets.h"

namespace widehead {

// The distinct nodes above a set of classes, in slots 0, 1, ...: slot 0 is the root, and parents come before children.
// Edges are those of HuffmanTree with the slot in the node's place.
class TreePaths {
 public:
  void clear() {
    nodes_.clear();
    above_.clear();
    std::fill(table_.begin(), table_.end(), kEmpty);
  }
  // The edge that class lies below; kNoEdge if the tree has no node.
  uint32_t add(const HuffmanTree& tree, uint32_t classId);

  size_t size() const { return nodes_.size(); }
  const std::vector<uint32_t>& nodes() const { return nodes_; }
  uint32_t edgeAbove(size_t slot) const { return above_[slot]; }
  size_t bytes() const { return (nodes_.capacity() + above_.capacity() + table_.capacity()) * sizeof(uint32_t); }

 private:
  static constexpr uint32_t kEmpty = UINT32_MAX;
  size_t cellOf(uint32_t node) const;
  void grow();

  std::vector<uint32_t> nodes_, above_;
  std::vector<uint32_t> table_;  // slots by a hash of their node: open addressing, at most half full
};

// For each example and each node on the way to its targets: how much of the targets' values lies on either side.
class TreeVisits {
 public:
  void assign(const HuffmanTree& tree, const Targets& targets);

  struct Visit {
    uint32_t slot, example;
    double values[2];  // of the targets below side 0 and side 1
  };
  const TreePaths& paths() const { return paths_; }
  size_t size() const { return visits_.size(); }
  const Visit& operator[](size_t i) const { return visits_[i]; }
  // Example j's visits are indptr()[j] .. indptr()[j + 1].
  const std::vector<uint32_t>& indptr() const { return indptr_; }
  // Slot u's visits are bySlot()[slotPtr()[u]] .. [slotPtr()[u + 1]], examples rising.
  const std::vector<uint32_t>& bySlot() const { return bySlot_; }
  const std::vector<uint32_t>& slotPtr() const { return slotPtr_; }
  size_t bytes() const;

 private:
  void groupBySlot();

  TreePaths paths_;
  std::vector<Visit> visits_;
  std::vector<uint32_t> edgeOf_;       // the edge above each distinct class
  std::vector<uint32_t> latestVisit_;  // of each slot, 1 + its place
  std::vector<uint32_t> indptr_, bySlot_, slotPtr_;
};

}  // namespace widehead
