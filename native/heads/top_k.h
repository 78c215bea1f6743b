// The k best of D classes for each of m examples, from scores that come block by block in rising order of the class ids.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "heads/head.h"

namespace widehead {

class TopK {
 public:
  // square: rank by the score's square.
  TopK(size_t m, size_t k, bool square) : m_(m), k_(k), square_(square), best_(m) {}

  // scores (m x n) of classes first .. first + n - 1.
  void offer(const float* scores, size_t n, size_t first);
  // classes, scores: m x k, best first, ties to the lower id.
  void finish(int32_t* classes, float* scores);

 private:
  struct Candidate {
    float rank, score;
    uint32_t id;
  };
  static bool better(const Candidate& a, const Candidate& b) { return a.rank != b.rank ? a.rank > b.rank : a.id < b.id; }

  const size_t m_, k_;
  const bool square_;
  std::vector<std::vector<Candidate>> best_;  // heaps with the worst in front
};

// out (m x n) = hidden W[classes]^T, through head.rows().
void scoreClasses(const Head& head, float* out, const float* hidden, size_t m, const uint32_t* classes, size_t n);
// Exact search over all classes, a block of them at a time. See Head::topK.
void topKOfRows(const Head& head, int32_t* classes, float* logits, const float* hidden, size_t m, size_t k, bool square);

}  // namespace widehead
