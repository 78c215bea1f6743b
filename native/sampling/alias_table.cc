#include "sampling/alias_table.h"

namespace widehead {

void AliasTable::pair() {
  // Small columns from the front of one array, large ones from its end.
  size_t small = 0, large = n_;
  for (size_t i = 0; i < n_; i++) {
    aliases_[i] = static_cast<uint32_t>(i);
    work_[thresholds_[i] < 1 ? small++ : --large] = static_cast<uint32_t>(i);
  }
  while (small > 0 && large < n_) {
    const uint32_t below = work_[--small], above = work_[large];
    aliases_[below] = above;
    thresholds_[above] -= 1 - thresholds_[below];
    if (thresholds_[above] >= 1) continue;
    large++;
    work_[small++] = above;
  }
  // What is left on either side is 1 but for rounding.
  while (small > 0) thresholds_[work_[--small]] = 1;
  while (large < n_) thresholds_[work_[large++]] = 1;
}

void AliasTable::archive(Archive& archive) {
  archive.replicatedRows("sampler.shares", shares_.data(), n_, 1);
  archive.replicatedRows("sampler.thresholds", thresholds_.data(), n_, 1);
  archive.replicatedRows("sampler.aliases", aliases_.data(), n_, 1);
}

void AliasTable::checkRestored() const {
  for (size_t i = 0; i < n_; i++) ByteStream::require(aliases_[i] < n_, "a sampler that draws what is no class");
}

}  // namespace widehead
