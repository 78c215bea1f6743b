#include "hashing/hash_family.h"

#include <algorithm>
#include <atomic>

#include "base/error.h"
#include "base/pool.h"
#include "base/rng.h"
#include "hashing/simhash.h"
#include "hashing/winner_take_all.h"

namespace widehead {
namespace {

constexpr unsigned kMaxKeyBits = 64, kMaxRangeBits = 24;

// Every input bit reaches the upper bits, from which a bucket index is taken.
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 32)) * 0xD6E8FEB86659FD93ULL;
  return (x ^ (x >> 32)) * 0x9E3779B97F4A7C15ULL;
}

template <class Kind>
std::unique_ptr<HashFamily> make(const HashSettings& settings) {
  return std::make_unique<Kind>(settings);
}

struct Entry {
  const char* name;
  std::unique_ptr<HashFamily> (*make)(const HashSettings&);
};
constexpr Entry kFamilies[] = {{"simhash", make<SimHash>}, {"wta", make<Wta>}, {"dwta", make<DensifiedWta>}};

[[noreturn]] void outOfRange(const std::string& message) {
  throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE", message);
}

}  // namespace

HashFamily::HashFamily(const HashSettings& settings, unsigned bitsPerHash) : settings_(settings) {
  const size_t bits = settings.hashesPerTable * bitsPerHash;
  if (settings.hashesPerTable > kMaxKeyBits || bits > kMaxKeyBits) {
    outOfRange("a table's key must have at most 64 bits, got " + std::to_string(settings.hashesPerTable) +
               " hashes of " + std::to_string(bitsPerHash) + " bits");
  }
  if (settings.rangeBits < 1 || settings.rangeBits > kMaxRangeBits) {
    outOfRange("rangeBits must be from 1 to 24, got " + std::to_string(settings.rangeBits));
  }
  keyBits_ = static_cast<unsigned>(bits);
  bucketBits_ = std::min(keyBits_, settings.rangeBits);
}

uint32_t HashFamily::bucketOf(uint64_t key, size_t table) const {
  if (keyBits_ == bucketBits_) return static_cast<uint32_t>(key);
  // Salted by the table: keys that share a bucket in one table part in the next.
  return static_cast<uint32_t>(mix(key + (table + 1) * 0xA0761D6478BD642FULL) >> (64 - bucketBits_));
}

void HashFamily::hash(uint32_t* out, const float* rows, size_t rowStride, size_t n, HashScratch& scratch) const {
  const size_t tables = settings_.tables, blocks = (n + kBlock - 1) / kBlock;
  // A few queries are cut finer than blocks: each thread should have some.
  const size_t size = std::min(kBlock, std::max<size_t>(8, (n + teamThreads() - 1) / teamThreads()));
  const size_t count = blocks == 0 ? 0 : (n + size - 1) / size;
  if (scratch.parts.size() < teamThreads()) scratch.parts.resize(teamThreads());
  for (HashScratch::Part& part : scratch.parts) {
    part.keys.reserve(size * tables);
    prepare(part);
  }
  std::atomic<size_t> nextPart{0};
  parallelFor(count, 1, [&](size_t begin, size_t end) {
    HashScratch::Part& part = scratch.parts[nextPart.fetch_add(1)];
    for (size_t block = begin; block < end; block++) {
      const size_t first = block * size, rowsHere = std::min(size, n - first);
      keys(part.keys.data(), rows + first * rowStride, rowStride, rowsHere, part);
      for (size_t i = 0; i < rowsHere; i++) {
        for (size_t t = 0; t < tables; t++) out[(first + i) * tables + t] = bucketOf(part.keys[i * tables + t], t);
      }
    }
  });
}

std::vector<std::string> hashNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kFamilies) names.push_back(entry.name);
  return names;
}

std::unique_ptr<HashFamily> makeHashFamily(const HashSettings& settings) {
  for (const Entry& entry : kFamilies) {
    if (settings.kind == entry.name) return entry.make(settings);
  }
  outOfRange("hash is unknown: " + settings.kind);
}

}  // namespace widehead
