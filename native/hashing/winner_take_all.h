// Winner-take-all hashes: the place of the largest coordinate in a window of randomly drawn ones. Only comparisons, so that
// a hash depends on the order of the coordinates alone.
#pragma once

#include "hashing/hash_family.h"

namespace widehead {

class WinnerTakeAll : public HashFamily {
 public:
  static constexpr size_t kLanes = 16;  // rows compared at once

  void keys(uint64_t* out, const float* rows, size_t rowStride, size_t n, HashScratch::Part& part) const override;
  void prepare(HashScratch::Part& part) const override;

  // The coordinates, `window` of them, that hash h of table t looks at.
  const uint32_t* windowOf(size_t t, size_t h) const {
    return &coordinates_[(t * settings_.hashesPerTable + h) * settings_.window];
  }

 protected:
  explicit WinnerTakeAll(const HashSettings& settings);

  size_t hashes() const { return settings_.tables * settings_.hashesPerTable; }

  const unsigned bits_;
  std::vector<uint32_t> coordinates_;  // hashes() x window

  // block (dimension x kLanes, and a row to spare): the coordinates of up to kLanes rows as
  // whole numbers in the same order.
  virtual void load(int32_t* block, const float* rows, size_t rowStride, size_t n) const;

 private:
  // Hash `index` won in each lane with the value `best`; may change `place`.
  virtual void settle(int32_t*, const int32_t*, const int32_t*, size_t) const {}
};

// An independent permutation for each hash, of which the first `window` places are looked at.
class Wta : public WinnerTakeAll {
 public:
  explicit Wta(const HashSettings& settings);
};

// Windows are consecutive pieces of as many permutations as it takes. A vector of zeros hashes to 0.
class DensifiedWta : public WinnerTakeAll {
 public:
  explicit DensifiedWta(const HashSettings& settings);

 private:
  // Keeps the largest coordinate of each lane behind the block.
  void load(int32_t* block, const float* rows, size_t rowStride, size_t n) const override;
  void settle(int32_t* place, const int32_t* best, const int32_t* block, size_t index) const override;
  int32_t borrow(const int32_t* block, size_t lane, size_t index) const;
};

}  // namespace widehead
