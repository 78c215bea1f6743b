// A binary tree with the classes as its leaves and few steps from the root to the frequent ones (Huffman 1952).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/archive.h"

namespace widehead {

// D classes, D - 1 inner nodes. A place is an inner node, 0 to D - 2, or class c at D - 1 + c; the root is place 0. Inner nodes
// are numbered by falling count, so that parents come before their children and the rows that are used most lie together.
class HuffmanTree {
 public:
  // No leaf lies deeper. Counts so skewed that Huffman's tree would pass it are raised to a 2^-44th of their sum.
  static constexpr unsigned kMaxDepth = 64;

  // counts: D numbers, or null for all equal (a tree of depth ceil(log2 D)). Throws Error Range unless they are finite and at
  // least 0, and their sum is finite. Classes of count 0 have leaves too.
  HuffmanTree(size_t numClasses, const double* counts);

  size_t numClasses() const { return numClasses_; }
  size_t numNodes() const { return numClasses_ - 1; }
  uint32_t placeOf(uint32_t classId) const { return static_cast<uint32_t>(numNodes()) + classId; }
  bool isLeaf(uint32_t place) const { return place >= numNodes(); }
  uint32_t classOf(uint32_t leaf) const { return leaf - static_cast<uint32_t>(numNodes()); }

  // An edge, as 2 * node + side: side 0 or 1 of an inner node.
  static constexpr uint32_t kNoEdge = UINT32_MAX;
  uint32_t edgeAbove(uint32_t place) const { return above_[place]; }  // kNoEdge above the root
  uint32_t placeBelow(uint32_t edge) const { return below_[edge]; }

  void archive(Archive& archive) { archive.rows("tree", above_.data(), above_.size(), 1); }
  // After loading: a tree again, of whatever counts.
  void checkRestored();

  unsigned depth() const { return depth_; }
  size_t bytes() const { return (above_.capacity() + below_.capacity()) * sizeof(uint32_t); }

 private:
  struct Leaf {
    double count;
    uint32_t classId;
  };
  void build(const std::vector<Leaf>& rising);
  void measureDepth();

  size_t numClasses_;
  unsigned depth_ = 0;
  std::vector<uint32_t> above_, below_;  // by place; by edge
};

}  // namespace widehead
