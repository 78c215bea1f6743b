#include "exact/row_store.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace widehead {

RowStore::RowStore(size_t rows, size_t features, size_t stretch)
    : rows_(rows), features_(features), v_(elementCount(rows, features)), stamps_(rows), log_(features, stretch) {}

uint64_t RowStore::position(size_t row) const {
  const uint64_t end = log_.end();
  return end - ((stampOf(end) - stamps_[row]) & (kWritten - 1));
}

void RowStore::gather(float* out, std::vector<uint32_t>& order, const uint32_t* classes, size_t count) const {
  std::vector<uint64_t> positions(count);
  // A row that was never written is zero at every position: count it as current.
  for (size_t i = 0; i < count; i++) positions[i] = log_.end() - behind(classes[i]);
  order.resize(count);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return positions[a] < positions[b]; });
  for (size_t i = 0; i < count; i++) {
    const uint32_t row = classes[order[i]];
    if (written(row)) {
      std::memcpy(out + i * features_, v_.data() + row * features_, features_ * sizeof(float));
    } else {
      std::memset(out + i * features_, 0, features_ * sizeof(float));
    }
  }
  std::sort(positions.begin(), positions.end());
  log_.bringUp(out, count, positions.data());
}

void RowStore::scatter(const float* rows, const uint32_t* classes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    std::memcpy(raw(classes[i]), rows + i * features_, features_ * sizeof(float));
    markWritten(classes[i]);
  }
}

void RowStore::sweep(size_t count) {
  const size_t end = cursor_ + std::min(rows_ - cursor_, count);
  std::vector<uint32_t> classes, order;
  for (size_t row = cursor_; row < end; row++) {
    if (behind(row) > 0) classes.push_back(static_cast<uint32_t>(row));
  }
  swept_.resize(classes.size() * features_);
  gather(swept_.data(), order, classes.data(), classes.size());
  for (uint32_t& i : order) i = classes[i];
  scatter(swept_.data(), order.data(), order.size());
  cursor_ = end;  // only now: a row that memory was too short to sweep is still to be swept
  if (cursor_ < rows_) return;
  // Every row was swept or touched since this round began, so none needs what is older than its start.
  cursor_ = 0;
  log_.dropBefore(roundStart_);
  roundStart_ = log_.end();
}

void RowStore::sweepAll() {
  // To the end of the round that is under way, then a whole one.
  for (int round = 0; round < 2; round++) {
    do {
      sweep(512);
    } while (cursor_ > 0);
  }
}

}  // namespace widehead
