#include "heads/tree_paths.h"

#include <algorithm>

#include "base/error.h"

namespace widehead {

size_t TreePaths::cellOf(uint32_t node) const {
  const size_t mask = table_.size() - 1;
  size_t cell = (node * uint64_t{0x9e3779b97f4a7c15} >> 32) & mask;
  while (table_[cell] != kEmpty && nodes_[table_[cell]] != node) cell = (cell + 1) & mask;
  return cell;
}

void TreePaths::grow() {
  table_.assign(std::max<size_t>(1024, 2 * table_.size()), kEmpty);
  for (uint32_t slot = 0; slot < nodes_.size(); slot++) table_[cellOf(nodes_[slot])] = slot;
}

uint32_t TreePaths::add(const HuffmanTree& tree, uint32_t classId) {
  if (table_.size() < 2 * (nodes_.size() + HuffmanTree::kMaxDepth)) grow();
  // Upwards to the first node that has a slot, whose ancestors all have one, then down again, giving slots.
  uint32_t fresh[HuffmanTree::kMaxDepth];
  size_t count = 0;
  uint32_t found = HuffmanTree::kNoEdge;
  for (uint32_t edge = tree.edgeAbove(tree.placeOf(classId)); edge != HuffmanTree::kNoEdge;
       edge = tree.edgeAbove(edge / 2)) {
    const uint32_t slot = table_[cellOf(edge / 2)];
    if (slot != kEmpty) {
      found = 2 * slot + edge % 2;
      break;
    }
    fresh[count++] = edge;
  }
  while (count > 0) {
    const uint32_t edge = fresh[--count], slot = static_cast<uint32_t>(nodes_.size());
    table_[cellOf(edge / 2)] = slot;
    nodes_.push_back(edge / 2);
    above_.push_back(found);
    found = 2 * slot + edge % 2;
  }
  return found;
}

// Each step up waits for memory where the tree is large. All climb once side by side, so that these waits overlap.
void climbTogether(const HuffmanTree& tree, const std::vector<uint32_t>& classes, std::vector<uint32_t>& places) {
  constexpr uint32_t kNear = 4096;  // nodes that are in the cache anyway
  places.clear();
  for (const uint32_t c : classes) places.push_back(tree.placeOf(c));
  while (!places.empty()) {
    size_t left = 0;
    for (const uint32_t place : places) {
      const uint32_t node = tree.edgeAbove(place) / 2;
      if (node > kNear && place != 0) places[left++] = node;
    }
    places.resize(left);
  }
}

void TreeVisits::assign(const HuffmanTree& tree, const Targets& targets) {
  if (targets.nnz() > UINT32_MAX / HuffmanTree::kMaxDepth) {
    throw Error(
        ErrorKind::Range, "WIDEHEAD_OUT_OF_MEMORY",
        "out of memory: " + std::to_string(targets.nnz()) + " targets in one minibatch are too many for their paths");
  }
  paths_.clear();
  climbTogether(tree, targets.unique(), edgeOf_);
  edgeOf_.resize(targets.numUnique());
  for (size_t u = 0; u < targets.numUnique(); u++) edgeOf_[u] = paths_.add(tree, targets.unique()[u]);
  visits_.clear();
  latestVisit_.assign(paths_.size(), 0);
  indptr_.assign(1, 0);
  for (size_t j = 0; j < targets.examples(); j++) {
    const size_t first = visits_.size();
    for (size_t k = targets.indptr()[j]; k < targets.indptr()[j + 1]; k++) {
      for (uint32_t edge = edgeOf_[targets.slot(k)]; edge != HuffmanTree::kNoEdge; edge = paths_.edgeAbove(edge / 2)) {
        const uint32_t slot = edge / 2;
        if (latestVisit_[slot] <= first) {
          visits_.push_back({slot, static_cast<uint32_t>(j), {0, 0}});
          latestVisit_[slot] = static_cast<uint32_t>(visits_.size());
        }
        visits_[latestVisit_[slot] - 1].values[edge % 2] += targets.values()[k];
      }
    }
    indptr_.push_back(static_cast<uint32_t>(visits_.size()));
  }
  groupBySlot();
}

void TreeVisits::groupBySlot() {
  slotPtr_.assign(paths_.size() + 1, 0);
  for (const Visit& visit : visits_) slotPtr_[visit.slot + 1]++;
  for (size_t u = 0; u < paths_.size(); u++) slotPtr_[u + 1] += slotPtr_[u];
  std::vector<uint32_t>& next = latestVisit_;  // its numbers are no longer needed
  std::copy_n(slotPtr_.begin(), paths_.size(), next.begin());
  bySlot_.resize(visits_.size());
  for (size_t i = 0; i < visits_.size(); i++) bySlot_[next[visits_[i].slot]++] = static_cast<uint32_t>(i);
}

size_t TreeVisits::bytes() const {
  size_t words = 0;
  for (const auto* list : {&edgeOf_, &latestVisit_, &indptr_, &bySlot_, &slotPtr_}) words += list->capacity();
  return paths_.bytes() + visits_.capacity() * sizeof(Visit) + words * sizeof(uint32_t);
}

}  // namespace widehead
