#include "hashing/winner_take_all.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/rng.h"

namespace widehead {
namespace {

constexpr size_t kLanes = WinnerTakeAll::kLanes;
constexpr int32_t kAbsent = std::numeric_limits<int32_t>::min();
constexpr size_t kProbes = 64;  // for a window that has something in it

// A whole number in the order of the floats: a vector of them is compared and blended without floating-point exceptions,
// which keep compilers from doing it with floats. -0 is 0.
int32_t ordered(float x) {
  int32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits < 0 ? std::numeric_limits<int32_t>::min() - bits : bits;
}

unsigned log2Of(size_t window) {
  unsigned bits = 0;
  while (size_t{1} << bits < window) bits++;
  return bits;
}

size_t checkedWindow(const HashSettings& settings) {
  const size_t window = settings.window;
  if (window >= 1 && (window & (window - 1)) == 0 && window <= settings.dimension) return window;
  throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE",
              "window must be a power of two and at most the length of the hashed vectors, " +
                  std::to_string(settings.dimension) + ", got " + std::to_string(window));
}

// Numbers below a bound, one after the other.
class Draws {
 public:
  explicit Draws(uint64_t seed) : seed_(seed) {}
  size_t below(size_t bound) { return randomBelow(seed_, next_++, bound); }

 private:
  uint64_t seed_, next_ = 0;
};

// Brings `count` coordinates drawn without replacement to the front of `order`, which stays a permutation.
void shuffleFront(std::vector<uint32_t>& order, size_t count, Draws& draws) {
  for (size_t i = 0; i < count; i++) std::swap(order[i], order[i + draws.below(order.size() - i)]);
}

std::vector<uint32_t> identity(size_t n) {
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  return order;
}

// The largest of the window's coordinates in each lane and its place, of equal ones the first.
void findLargest(int32_t* best, int32_t* place, const int32_t* block, const uint32_t* coordinates, size_t window) {
  for (size_t l = 0; l < kLanes; l++) {
    best[l] = block[coordinates[0] * kLanes + l];
    place[l] = 0;
  }
  for (size_t j = 1; j < window; j++) {
    const int32_t *value = block + coordinates[j] * kLanes, here = static_cast<int32_t>(j);
    for (size_t l = 0; l < kLanes; l++) {
      place[l] = value[l] > best[l] ? here : place[l];
      best[l] = value[l] > best[l] ? value[l] : best[l];
    }
  }
}

}  // namespace

WinnerTakeAll::WinnerTakeAll(const HashSettings& settings)
    : HashFamily(settings, log2Of(checkedWindow(settings))), bits_(log2Of(settings.window)) {
  coordinates_.reserve(hashes() * settings.window);
}

void WinnerTakeAll::prepare(HashScratch::Part& part) const { part.ordered.reserve((settings_.dimension + 1) * kLanes); }

void WinnerTakeAll::load(int32_t* block, const float* rows, size_t rowStride, size_t n) const {
  for (size_t l = 0; l < kLanes; l++) {
    // Lanes without a row repeat the last one: they cost nothing and their hashes are left alone.
    const float* row = rows + std::min(l, n - 1) * rowStride;
    for (size_t i = 0; i < settings_.dimension; i++) block[i * kLanes + l] = ordered(row[i]);
  }
}

void WinnerTakeAll::keys(uint64_t* out, const float* rows, size_t rowStride, size_t n, HashScratch::Part& part) const {
  int32_t* block = part.ordered.data();
  const size_t tables = settings_.tables, perTable = settings_.hashesPerTable, window = settings_.window;
  for (size_t first = 0; first < n; first += kLanes) {
    const size_t lanes = std::min(kLanes, n - first);
    load(block, rows + first * rowStride, rowStride, lanes);
    const uint32_t* coordinate = coordinates_.data();
    for (size_t t = 0; t < tables; t++) {
      uint64_t key[kLanes] = {};
      for (size_t h = 0; h < perTable; h++, coordinate += window) {
        int32_t best[kLanes], place[kLanes];
        findLargest(best, place, block, coordinate, window);
        settle(place, best, block, t * perTable + h);
        for (size_t l = 0; l < kLanes; l++) key[l] = key[l] << bits_ | static_cast<uint32_t>(place[l]);
      }
      for (size_t l = 0; l < lanes; l++) out[(first + l) * tables + t] = key[l];
    }
  }
}

Wta::Wta(const HashSettings& settings) : WinnerTakeAll(settings) {
  Draws draws(settings.seed);
  std::vector<uint32_t> order = identity(settings.dimension);
  for (size_t i = 0; i < hashes(); i++) {
    shuffleFront(order, settings.window, draws);
    coordinates_.insert(coordinates_.end(), order.begin(), order.begin() + static_cast<ptrdiff_t>(settings.window));
  }
}

DensifiedWta::DensifiedWta(const HashSettings& settings) : WinnerTakeAll(settings) {
  Draws draws(settings.seed);
  std::vector<uint32_t> order = identity(settings.dimension);
  const size_t wanted = hashes() * settings.window, perPermutation = order.size() / settings.window * settings.window;
  while (coordinates_.size() < wanted) {
    shuffleFront(order, order.size(), draws);
    const size_t count = std::min(perPermutation, wanted - coordinates_.size());
    coordinates_.insert(coordinates_.end(), order.begin(), order.begin() + static_cast<ptrdiff_t>(count));
  }
}

void DensifiedWta::load(int32_t* block, const float* rows, size_t rowStride, size_t n) const {
  WinnerTakeAll::load(block, rows, rowStride, n);
  int32_t* largest = block + settings_.dimension * kLanes;
  std::fill(largest, largest + kLanes, kAbsent);
  for (size_t i = 0; i < settings_.dimension; i++, block += kLanes) {
    for (size_t l = 0; l < kLanes; l++) {
      block[l] = block[l] == 0 ? kAbsent : block[l];
      largest[l] = std::max(largest[l], block[l]);
    }
  }
}

void DensifiedWta::settle(int32_t* place, const int32_t* best, const int32_t* block, size_t index) const {
  for (size_t l = 0; l < kLanes; l++) {
    // Vectors of zeros, which a head may start with, have nothing to borrow.
    if (best[l] == kAbsent && block[settings_.dimension * kLanes + l] != kAbsent) place[l] = borrow(block, l, index);
  }
}

// The window to borrow from depends on the empty one and the seed alone, so that vectors that are empty in the same windows
// borrow alike.
int32_t DensifiedWta::borrow(const int32_t* block, size_t lane, size_t index) const {
  for (size_t probe = 0; probe < kProbes; probe++) {
    const uint64_t bits = randomBits(settings_.seed ^ 0x64656E7365ULL, index * kProbes + probe);
    const uint32_t* coordinate = &coordinates_[static_cast<size_t>((bits >> 32) * hashes() >> 32) * settings_.window];
    int32_t place = 0, best = kAbsent;
    for (size_t j = 0; j < settings_.window; j++) {
      const int32_t value = block[coordinate[j] * kLanes + lane];
      if (value > best) {
        best = value;
        place = static_cast<int32_t>(j);
      }
    }
    if (best != kAbsent) return place;
  }
  return 0;
}

}  // namespace widehead
