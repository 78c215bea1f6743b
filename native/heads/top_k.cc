#include "heads/top_k.h"

#include <algorithm>
#include <numeric>

#include "base/buffer.h"
#include "base/pool.h"

namespace widehead {

namespace {
constexpr size_t kBlock = 1024;  // classes scored at a time
}

void TopK::offer(const float* scores, size_t n, size_t first) {
  parallelFor(m_, 1, [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) {
      std::vector<Candidate>& heap = best_[j];
      for (size_t i = 0; i < n; i++) {
        const float score = scores[j * n + i], rank = square_ ? score * score : score;
        if (heap.size() < k_) {
          heap.push_back({rank, score, static_cast<uint32_t>(first + i)});
          std::push_heap(heap.begin(), heap.end(), better);
        } else if (rank > heap.front().rank) {  // an equal rank loses: its id is higher than all that came before
          std::pop_heap(heap.begin(), heap.end(), better);
          heap.back() = {rank, score, static_cast<uint32_t>(first + i)};
          std::push_heap(heap.begin(), heap.end(), better);
        }
      }
    }
  });
}

void TopK::finish(int32_t* classes, float* scores) {
  for (size_t j = 0; j < m_; j++) {
    std::sort(best_[j].begin(), best_[j].end(), better);
    for (size_t i = 0; i < k_; i++) {
      classes[j * k_ + i] = static_cast<int32_t>(best_[j][i].id);
      scores[j * k_ + i] = best_[j][i].score;
    }
  }
}

void topKOfAll(size_t numClasses, TopK best, int32_t* classes, float* logits, const ScoreBlock& score) {
  Buffer<float> scores(best.examples() * std::min(kBlock, numClasses));
  std::vector<uint32_t> ids(kBlock);
  for (size_t begin = 0; begin < numClasses; begin += kBlock) {
    const size_t n = std::min(kBlock, numClasses - begin);
    std::iota(ids.begin(), ids.end(), static_cast<uint32_t>(begin));
    score(scores.data(), ids.data(), n);
    best.offer(scores.data(), n, begin);
  }
  best.finish(classes, logits);
}

}  // namespace widehead
