#include "heads/tree_search.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <new>
#include <vector>

#include "base/error.h"
#include "base/pool.h"

namespace widehead {

namespace {

// A place that was reached. Rounding to float32 keeps the order, so that a node's key is no lower than those of the leaves
// below it.
struct Reached {
  double logProbability;
  float key;
  uint32_t place;
};

// Equal keys open nodes before they take leaves (places of nodes are lower), and take leaves by rising class.
bool later(const Reached& a, const Reached& b) { return a.key != b.key ? a.key < b.key : a.place > b.place; }

void push(std::vector<Reached>& queue, double logProbability, uint32_t place) {
  queue.push_back({logProbability, static_cast<float>(logProbability), place});
  std::push_heap(queue.begin(), queue.end(), later);
}

}  // namespace

void splitLogProbability(double reached, double z, double below[2]) {
  const double likely = reached - std::log1p(std::exp(-std::fabs(z))), rare = likely - std::fabs(z);
  below[0] = z > 0 ? rare : likely;
  below[1] = z > 0 ? likely : rare;
}

void searchTree(const HuffmanTree& tree, size_t m, size_t k, int32_t* classes, float* logProbabilities,
                const LogOdds& logOdds) {
  std::atomic<bool> outOfMemory{false};
  const auto search = [&](size_t j, std::vector<Reached>& queue) {
    queue.clear();
    push(queue, 0, 0);
    for (size_t found = 0; found < k;) {
      const Reached best = queue.front();
      std::pop_heap(queue.begin(), queue.end(), later);
      queue.pop_back();
      if (tree.isLeaf(best.place)) {
        classes[j * k + found] = static_cast<int32_t>(tree.classOf(best.place));
        logProbabilities[j * k + found++] = best.key;
        continue;
      }
      double below[2];
      splitLogProbability(best.logProbability, logOdds(j, best.place), below);
      for (uint32_t side = 0; side < 2; side++) push(queue, below[side], tree.placeBelow(2 * best.place + side));
    }
  };
  parallelFor(m, 1, [&](size_t begin, size_t end) {
    try {
      std::vector<Reached> queue;
      for (size_t j = begin; j < end; j++) search(j, queue);
    } catch (const std::bad_alloc&) {
      outOfMemory = true;
    }
  });
  if (outOfMemory) throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_MEMORY", "out of memory: the search of the tree");
}

}  // namespace widehead
