// Locality-sensitive hash functions behind one interface: vectors that are alike in a family's sense collide more often.
//
// A family has `tables` groups of `hashesPerTable` hashes. The hashes of a group, each with the bits it needs and no fewer,
// are packed into the group's key, the first hash in the highest bits; a key is the bucket index of its table as it is, or
// folded to `rangeBits` bits by a mix when it is longer. Everything is a pure function of the seed.
//
//   simhash  sign of a Gaussian projection; 1 bit; Pr[equal] = 1 - angle / pi  (Charikar 2002)
//   wta      place of the largest of `window` coordinates drawn without replacement; ties to the first  (Yagnik et al. 2011)
//   dwta     the same in windows cut from shared permutations, coordinates of 0 counting as absent, windows of nothing but 0
//            borrowing the hash of another one  (Chen and Shrivastava 2018)
//
// All are invariant to a positive factor on the vector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/buffer.h"

namespace widehead {

struct HashSettings {
  std::string kind;  // one of hashNames()
  size_t dimension, tables, hashesPerTable;
  size_t window = 8;  // of wta and dwta: a power of two, at most the dimension
  unsigned rangeBits = 16;
  uint64_t seed = 0;
};

// Kept by the caller from call to call, so that hashing allocates nothing.
struct HashScratch {
  struct Part {
    Buffer<uint64_t> keys;
    Buffer<float> values;
    Buffer<int32_t> ordered;
  };
  std::vector<Part> parts;  // one a thread
};

class HashFamily {
 public:
  // Rows hashed at a time: keys() takes no more.
  static constexpr size_t kBlock = 64;

  HashFamily(const HashSettings& settings, unsigned bitsPerHash);
  virtual ~HashFamily() = default;

  const HashSettings& settings() const { return settings_; }
  unsigned keyBits() const { return keyBits_; }
  size_t buckets() const { return size_t{1} << bucketBits_; }
  uint32_t bucketOf(uint64_t key, size_t table) const;

  // out (n x tables) = bucket indices of n rows of `dimension` finite numbers; threaded. A row's hashes do not depend on its
  // neighbours nor on how many there are.
  void hash(uint32_t* out, const float* rows, size_t rowStride, size_t n, HashScratch& scratch) const;

  // out (n x tables) = packed keys of n <= kBlock rows; `part` was prepared.
  virtual void keys(uint64_t* out, const float* rows, size_t rowStride, size_t n, HashScratch::Part& part) const = 0;
  virtual void prepare(HashScratch::Part& part) const = 0;

 protected:
  const HashSettings settings_;

 private:
  unsigned keyBits_, bucketBits_;
};

std::vector<std::string> hashNames();
// Throws Error Range for an unknown kind, a window that is no power of two or longer than the vectors, or keys of more than 64 bits.
std::unique_ptr<HashFamily> makeHashFamily(const HashSettings& settings);

}  // namespace widehead
