#include "heads/huffman_tree.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace widehead {

namespace {

// A node n levels above a leaf has at least F(n + 2) times the smallest count (Katona and Nemetz 1976), so that a leaf
// deeper than 64 means a sum of F(67) = 2^45.4 of them. 2^31 raised leaves add 2^-13 to the sum at most.
constexpr double kSmallestShare = 1.0 / (uint64_t{1} << 44);

double checkedSum(const double* counts, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    if (!(counts[i] >= 0) || std::isinf(counts[i])) {
      throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE",
                  "counts must be finite and at least 0, got " + shown(counts[i]) + " at index " + std::to_string(i));
    }
    sum += counts[i];
  }
  if (std::isinf(sum))
    throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE", "counts must have a finite sum, got Infinity");
  return sum;
}

}  // namespace

HuffmanTree::HuffmanTree(size_t numClasses, const double* counts) : numClasses_(numClasses) {
  const double sum = counts ? checkedSum(counts, numClasses) : 0;
  std::vector<Leaf> leaves(numClasses);
  for (size_t c = 0; c < numClasses; c++) leaves[c] = {counts ? counts[c] : 1, static_cast<uint32_t>(c)};
  if (counts != nullptr) {
    std::sort(leaves.begin(), leaves.end(), [](const Leaf& a, const Leaf& b) {
      return a.count != b.count ? a.count < b.count : a.classId < b.classId;
    });
  }
  build(leaves);
  if (depth_ <= kMaxDepth) return;
  // Shares, because kSmallestShare of a small sum may be 0.
  for (Leaf& leaf : leaves) leaf.count = std::max(leaf.count / sum, kSmallestShare);
  build(leaves);
}

// Two queues, both of rising counts: the leaves, and the nodes made so far (van Leeuwen 1976). Equal counts take the leaf, which
// gives the flattest of the best trees (Schwartz 1964), and a balanced one where all counts are equal or 0.
void HuffmanTree::build(const std::vector<Leaf>& rising) {
  const size_t nodes = numNodes();
  above_.resize(nodes + numClasses_);
  below_.resize(2 * nodes);
  above_[0] = kNoEdge;
  std::vector<double> countOf(nodes);  // in the order of making: the last is the root
  size_t nextLeaf = 0, nextNode = 0;
  for (size_t made = 0; made < nodes; made++) {
    const uint32_t node = static_cast<uint32_t>(nodes - 1 - made);
    for (uint32_t side = 0; side < 2; side++) {
      const bool takeLeaf = nextLeaf < numClasses_ && (nextNode == made || rising[nextLeaf].count <= countOf[nextNode]);
      const uint32_t place = takeLeaf ? placeOf(rising[nextLeaf].classId) : static_cast<uint32_t>(nodes - 1 - nextNode);
      countOf[made] += takeLeaf ? rising[nextLeaf++].count : countOf[nextNode++];
      above_[place] = 2 * node + side;
      below_[2 * node + side] = place;
    }
  }
  measureDepth();
}

void HuffmanTree::checkRestored() {
  ByteStream::require(above_[0] == kNoEdge, "a tree without a root");
  std::fill(below_.begin(), below_.end(), kNoEdge);
  for (uint32_t place = 1; place < above_.size(); place++) {
    const uint32_t edge = above_[place];
    // Parents come before their children, and no edge leads to two places.
    const bool sound = edge < below_.size() && (isLeaf(place) || edge / 2 < place) && below_[edge] == kNoEdge;
    ByteStream::require(sound, "a tree that is none");
    below_[edge] = place;
  }
  measureDepth();
  ByteStream::require(depth_ <= kMaxDepth, "a tree that is too deep");
}

void HuffmanTree::measureDepth() {
  // 16 bits: each second level doubles the count at least, and float64 has 2,100 powers of two.
  std::vector<uint16_t> depthOf(numNodes());
  depth_ = numNodes() > 0 ? 1 : 0;
  for (uint32_t node = 1; node < numNodes(); node++) {
    depthOf[node] = static_cast<uint16_t>(depthOf[above_[node] / 2] + 1);
    depth_ = std::max(depth_, depthOf[node] + 1u);
  }
}

}  // namespace widehead
