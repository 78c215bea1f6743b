#include "heads/top_k.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/kernels.h"

namespace widehead {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A float below x by more than the errors of what it was computed from, which have the size of `terms`.
float below(double x, double terms) { return std::nextafter(static_cast<float>(x - 1e-14 * terms), -kInfinity); }

}  // namespace

TopK::TopK(size_t m, size_t k, size_t most, bool square, const OutputMap& map)
    : m_(m), k_(std::min(k, most)), square_(square), map_(map), best_(m), high_(m, -kInfinity), low_(m, kInfinity) {
  for (std::vector<Ranked>& heap : best_) heap.reserve(k_);
}

void TopK::consider(size_t j, float output, uint32_t id) {
  std::vector<Ranked>& heap = best_[j];
  const float rank = std::max(-kInfinity, square_ ? output * output : output);  // NaN comes last
  if (heap.size() < k_) {
    heap.push_back({rank, output, id});
    std::push_heap(heap.begin(), heap.end(), ranksBefore);
  } else if (rank > heap.front().rank) {  // an equal rank loses: its id is higher than all that came before
    std::pop_heap(heap.begin(), heap.end(), ranksBefore);
    heap.back() = {rank, output, id};
    std::push_heap(heap.begin(), heap.end(), ranksBefore);
  } else {
    return;
  }
  if (heap.size() == k_) setLimits(j);
}

// A rank above the worst one needs an output above it, or beyond its root on either side. Limits are on scores, and a little too wide
// where they are computed: consider() has the last word.
void TopK::setLimits(size_t j) {
  const float worst = best_[j].front().rank;
  if (!square_ && map_.offsets == nullptr) {
    high_[j] = worst;
    return;
  }
  const double offset = map_.offsets == nullptr ? 0 : map_.offsets[j];
  const double reach = (square_ ? std::sqrt(static_cast<double>(worst)) : worst) / map_.scale;
  const double terms = std::fabs(reach) + std::fabs(offset);
  high_[j] = below(reach - offset, terms);
  if (square_) low_[j] = -below(reach + offset, terms);
}

bool TopK::anyAbove(ConstMatrixF scores, const float* shifts, size_t shiftStride) const {
  if (kernels().largestExcess(scores.data, scores.rowStride, scores.rows, shifts, shiftStride, high_.data(), m_) > 0)
    return true;
  if (!square_) return false;
  // Without branches, so that the compiler makes vectors of it.
  unsigned found = 0;
  for (size_t i = 0; i < scores.rows; i++) {
    const float* row = scores.row(i);
    const float shift = shifts == nullptr ? 0 : shifts[i * shiftStride];
    for (size_t j = 0; j < m_; j++) found |= row[j] + shift < low_[j];
  }
  return found != 0;
}

void TopK::offerClasses(ConstMatrixF scores, const float* shifts, size_t shiftStride, size_t first) {
  if (full() && !anyAbove(scores, shifts, shiftStride)) return;
  for (size_t i = 0; i < scores.rows; i++) {
    const float* row = scores.row(i);
    const float* shiftAt = shifts == nullptr ? nullptr : shifts + i * shiftStride;
    if (full() && !anyAbove(scores.rowRange(i, i + 1), shiftAt, shiftStride)) continue;
    const float shift = shiftAt == nullptr ? 0 : *shiftAt;
    for (size_t j = 0; j < m_; j++) {
      const float score = row[j] + shift;
      if (best_[j].size() == k_ && !(score > high_[j]) && !(square_ && score < low_[j])) continue;
      consider(j, map_.output(score, j), static_cast<uint32_t>(first + i));
    }
  }
}

void TopK::offerOutputs(size_t j, const float* outputs, size_t n, size_t first) {
  const std::vector<Ranked>& heap = best_[j];
  if (heap.size() == k_) {
    const float worst = heap.front().rank;
    if (!square_ && !(kernels().largest(outputs, n) > worst)) return;
    unsigned found = 0;
    for (size_t i = 0; square_ && i < n; i++) found |= outputs[i] * outputs[i] > worst;
    if (square_ && found == 0) return;
  }
  for (size_t i = 0; i < n; i++) consider(j, outputs[i], static_cast<uint32_t>(first + i));
}

}  // namespace widehead
