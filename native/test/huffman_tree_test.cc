// The tree against the textbook's, its depth and its order; the paths of minibatches against walks up the tree.

#include "heads/huffman_tree.h"

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <string>

#include "base/error.h"
#include "check.h"
#include "heads/tree_paths.h"

using namespace widehead;

namespace {

unsigned depthOf(const HuffmanTree& tree, uint32_t place) {
  unsigned depth = 0;
  for (uint32_t edge = tree.edgeAbove(place); edge != HuffmanTree::kNoEdge; edge = tree.edgeAbove(edge / 2)) depth++;
  return depth;
}

double expectedLength(const HuffmanTree& tree, const std::vector<double>& counts) {
  double sum = 0;
  for (uint32_t c = 0; c < counts.size(); c++) sum += counts[c] * depthOf(tree, tree.placeOf(c));
  return sum;
}

// The textbook: the two smallest are joined, again and again; the joins' counts add up to the expected length.
double bestLength(const std::vector<double>& counts) {
  std::priority_queue<double, std::vector<double>, std::greater<double>> queue(counts.begin(), counts.end());
  double sum = 0;
  while (queue.size() > 1) {
    double joined = queue.top();
    queue.pop();
    joined += queue.top();
    queue.pop();
    queue.push(joined);
    sum += joined;
  }
  return sum;
}

// Each place below one edge and above two, parents first, all classes there, and no deeper than it says.
void checkShape(const HuffmanTree& tree, size_t numClasses) {
  CHECK(tree.numClasses() == numClasses && tree.numNodes() == numClasses - 1);
  CHECK(tree.edgeAbove(0) == HuffmanTree::kNoEdge);
  std::vector<bool> seen(2 * numClasses - 1);
  seen[0] = true;
  for (uint32_t node = 0; node < tree.numNodes(); node++) {
    CHECK(!tree.isLeaf(node));
    for (uint32_t side = 0; side < 2; side++) {
      const uint32_t place = tree.placeBelow(2 * node + side);
      CHECK(place > node && place < seen.size() && !seen[place]);
      CHECK(tree.edgeAbove(place) == 2 * node + side);
      seen[place] = true;
    }
  }
  unsigned deepest = 0;
  for (uint32_t c = 0; c < numClasses; c++) {
    CHECK(tree.isLeaf(tree.placeOf(c)) && tree.classOf(tree.placeOf(c)) == c);
    deepest = std::max(deepest, depthOf(tree, tree.placeOf(c)));
  }
  CHECK(tree.depth() == deepest);
  CHECK(deepest <= HuffmanTree::kMaxDepth);
}

std::string complaint(const std::vector<double>& counts) {
  try {
    HuffmanTree tree(counts.size(), counts.data());
  } catch (const Error& error) {
    CHECK(error.kind == ErrorKind::Range && std::string(error.code) == "WIDEHEAD_OUT_OF_RANGE");
    return error.what();
  }
  return "";
}

bool names(const std::string& message, const char* part) { return message.find(part) != std::string::npos; }

}  // namespace

TEST(codesAreOptimal) {
  for (uint64_t seed = 0; seed < 400; seed++) {
    std::vector<double> counts(1 + randomBits(seed, 0) % 40);
    for (size_t c = 0; c < counts.size(); c++) {
      const double u = randomUniform(seed, c + 1);
      counts[c] = seed % 3 == 0 ? std::floor(4 * u) : seed % 3 == 1 ? std::floor(1000 * u * u * u) : u / (1 + 50 * u);
    }
    const HuffmanTree tree(counts.size(), counts.data());
    checkShape(tree, counts.size());
    const double best = bestLength(counts);
    CHECK_NEAR(expectedLength(tree, counts), best, 1e-12 * best);
  }
}

TEST(theTextbooksExample) {
  // Cormen et al., Introduction to Algorithms: f 5, e 9, c 12, b 13, d 16, a 45.
  const std::vector<double> counts = {45, 13, 12, 16, 9, 5};
  const HuffmanTree tree(6, counts.data());
  const unsigned lengths[] = {1, 3, 3, 3, 4, 4};
  for (uint32_t c = 0; c < 6; c++) CHECK(depthOf(tree, tree.placeOf(c)) == lengths[c]);
  CHECK(expectedLength(tree, counts) == 224);
}

TEST(oneTwoAndThreeClasses) {
  const HuffmanTree one(1, nullptr), two(2, nullptr);
  checkShape(one, 1);
  CHECK(one.depth() == 0 && one.numNodes() == 0);
  checkShape(two, 2);
  CHECK(two.depth() == 1 && two.placeBelow(0) == two.placeOf(0) && two.placeBelow(1) == two.placeOf(1));
  for (uint32_t frequent = 0; frequent < 3; frequent++) {
    std::vector<double> counts(3, 1);
    counts[frequent] = 5;
    const HuffmanTree three(3, counts.data());
    checkShape(three, 3);
    for (uint32_t c = 0; c < 3; c++) CHECK(depthOf(three, three.placeOf(c)) == (c == frequent ? 1 : 2));
  }
}

TEST(equalCountsBalance) {
  for (const size_t numClasses : {2, 3, 4, 5, 31, 32, 33, 1000, 1023, 1024, 1025}) {
    unsigned log2 = 0;
    while ((size_t{1} << log2) < numClasses) log2++;
    const std::vector<double> zeros(numClasses, 0), sevens(numClasses, 7);
    for (const double* counts : {static_cast<const double*>(nullptr), zeros.data(), sevens.data()}) {
      const HuffmanTree tree(numClasses, counts);
      checkShape(tree, numClasses);
      CHECK(tree.depth() == log2);
      for (uint32_t c = 0; c < numClasses; c++) CHECK(depthOf(tree, tree.placeOf(c)) + 1 >= log2);
    }
  }
}

TEST(nodesComeByFallingCount) {
  std::vector<double> counts(300);
  for (size_t c = 0; c < counts.size(); c++) counts[c] = std::floor(1000 / (1.0 + static_cast<double>(c)));
  const HuffmanTree tree(300, counts.data());
  std::vector<double> below(2 * 300 - 1);
  for (uint32_t c = 0; c < 300; c++) below[tree.placeOf(c)] = counts[c];
  for (uint32_t node = 299; node-- > 0;) {
    below[node] = below[tree.placeBelow(2 * node)] + below[tree.placeBelow(2 * node + 1)];
    if (node + 1 < 299) CHECK(below[node] >= below[node + 1]);
  }
}

TEST(depthIsBounded) {
  // Fibonacci's numbers and powers of two make the deepest trees there are.
  std::vector<double> fibonacci = {1, 1}, powers = {1}, steep = {1e-300, 1e-300};
  while (fibonacci.size() < 900) fibonacci.push_back(fibonacci.back() + fibonacci[fibonacci.size() - 2]);
  while (powers.size() < 900) powers.push_back(2 * powers.back());
  while (steep.size() < 64) steep.push_back(steep.back() * 3e9);
  for (const std::vector<double>& counts : {fibonacci, powers, steep}) {
    checkShape(HuffmanTree(counts.size(), counts.data()), counts.size());
  }
  fibonacci.resize(80);  // a chain of 79, cut where next to nothing is lost
  const HuffmanTree cut(80, fibonacci.data());
  checkShape(cut, 80);
  CHECK(expectedLength(cut, fibonacci) < bestLength(fibonacci) * (1 + 1e-9));
  fibonacci.resize(65);  // just not too deep
  const HuffmanTree whole(65, fibonacci.data());
  checkShape(whole, 65);
  CHECK(whole.depth() == 64);
  CHECK_NEAR(expectedLength(whole, fibonacci), bestLength(fibonacci), 0);
}

TEST(wrongCountsAreNamed) {
  CHECK(names(complaint({1, -2, 3}), "counts must be finite and at least 0, got -2.000000 at index 1"));
  CHECK(names(complaint({1, 2, std::nan("")}), "got NaN at index 2"));
  CHECK(names(complaint({INFINITY}), "got Infinity at index 0"));
  CHECK(names(complaint({1e308, 1e308}), "counts must have a finite sum"));
  CHECK(complaint({0, 1, 0, 1e-320, 1e307}).empty());
}

TEST(visitsAreWalksUpTheTree) {
  TreeVisits visits;  // one object, so that nothing of a larger minibatch may show in a smaller one
  for (uint64_t seed = 0; seed < 200; seed++) {
    uint64_t draws = 0;
    const auto draw = [&](uint64_t below) { return static_cast<uint32_t>(randomBits(seed, draws++) % below); };
    const uint32_t m = 1 + draw(9), numClasses = 1 + draw(seed % 2 == 0 ? 8 : 3000);
    std::vector<double> counts(numClasses);
    for (double& count : counts) count = draw(50);
    const HuffmanTree tree(numClasses, counts.data());
    std::vector<uint32_t> indptr = {0}, indices;
    std::vector<float> values;
    for (uint32_t j = 0; j < m; j++) {
      for (uint32_t count = draw(6); count > 0; count--) {
        indices.push_back(draw(numClasses));
        values.push_back(static_cast<float>(draw(8)) - 3);
      }
      indptr.push_back(static_cast<uint32_t>(indices.size()));
    }
    Targets targets;
    targets.assign({m, indptr.data(), indices.data(), indices.size(), values.data()}, numClasses);
    visits.assign(tree, targets);

    std::map<uint32_t, size_t> visitsOf;
    CHECK(visits.indptr().size() == m + 1);
    for (uint32_t j = 0; j < m; j++) {
      std::map<uint32_t, std::pair<double, double>> expected;
      for (uint32_t k = indptr[j]; k < indptr[j + 1]; k++) {
        uint32_t edge = tree.edgeAbove(tree.placeOf(indices[k]));
        for (; edge != HuffmanTree::kNoEdge; edge = tree.edgeAbove(edge / 2)) {
          auto& [low, high] = expected[edge / 2];
          (edge % 2 == 0 ? low : high) += static_cast<double>(values[k]);
        }
      }
      CHECK(visits.indptr()[j + 1] - visits.indptr()[j] == expected.size());
      for (size_t i = visits.indptr()[j]; i < visits.indptr()[j + 1]; i++) {
        const TreeVisits::Visit& visit = visits[i];
        const uint32_t node = visits.paths().nodes()[visit.slot];
        CHECK(visit.example == j);
        CHECK(expected.count(node) == 1 && expected[node] == std::make_pair(visit.values[0], visit.values[1]));
        visitsOf[node]++;
      }
    }
    CHECK(visits.paths().size() == visitsOf.size());
    for (size_t u = 0; u < visits.paths().size(); u++) {
      CHECK(visits.slotPtr()[u + 1] - visits.slotPtr()[u] == visitsOf[visits.paths().nodes()[u]]);
      for (size_t i = visits.slotPtr()[u]; i < visits.slotPtr()[u + 1]; i++) {
        CHECK(visits[visits.bySlot()[i]].slot == u);
        CHECK(i == visits.slotPtr()[u] || visits[visits.bySlot()[i - 1]].example < visits[visits.bySlot()[i]].example);
      }
      CHECK(u == 0 || visits.paths().edgeAbove(u) / 2 < u);
    }
  }
}

TEST_MAIN
