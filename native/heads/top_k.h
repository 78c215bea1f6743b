// The k best of D classes for each of m examples, from scores that come block by block in rising order of the class ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>


namespace widehead {

class TopK {
 public:
  // square: rank by the score's square.
  TopK(size_t m, size_t k, bool square) : m_(m), k_(k), square_(square), best_(m) {}

  size_t examples() const { return m_; }
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

// Exact search over all D classes, a block of them at a time. score(out, ids, n) fills m x n outputs of the n classes in ids.
using ScoreBlock = std::function<void(float* out, const uint32_t* ids, size_t n)>;
void topKOfAll(size_t numClasses, TopK best, int32_t* classes, float* logits, const ScoreBlock& score);

}  // namespace widehead
