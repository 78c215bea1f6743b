// The k most probable leaves of a tree of binary decisions, by best-first search.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "heads/huffman_tree.h"

namespace widehead {

// below[side] = the log-probability of side 0 or 1 of a node that is reached with log-probability `reached` and whose side 1 has
// the log-odds z.
void splitLogProbability(double reached, double z, double below[2]);

// For each of m examples the k classes of highest log-probability, best first, equal float32s by rising id, with these
// log-probabilities (m x k). Exact: the same as ranking all classes. logOdds(j, node) is asked once for each node that is
// not ruled out by the log-probability of reaching it; it must not throw. Throws Error WIDEHEAD_OUT_OF_MEMORY.
using LogOdds = std::function<double(size_t example, uint32_t node)>;
void searchTree(const HuffmanTree& tree, size_t m, size_t k, int32_t* classes, float* logProbabilities,
                const LogOdds& logOdds);

}  // namespace widehead
