#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"
#include "sampling/alias_table.h"

namespace widehead {

namespace {

constexpr size_t kTriesPerClass = 64;

// The classes drawn so far: open addressing over twice as many places or more.
class Drawn {
 public:
  explicit Drawn(size_t count) {
    size_t places = 4;
    while (places < 2 * count) places *= 2;
    places_.assign(places, kNone);
  }
  // False if it is there already.
  bool add(uint32_t id) {
    const size_t mask = places_.size() - 1;
    for (size_t at = id * size_t{0x9E3779B1} & mask;; at = (at + 1) & mask) {
      if (places_[at] == id) return false;
      if (places_[at] != kNone) continue;
      places_[at] = id;
      return true;
    }
  }

 private:
  static constexpr uint32_t kNone = 0xffffffffu;  // no class: ids are below 2^31
  std::vector<uint32_t> places_;
};

// Number i of a draw.
class Stream {
 public:
  Stream(uint64_t seed, uint64_t number) : seed_(randomBits(seed, number)) {}
  double uniform() { return randomUniform(seed_, next_++); }
  uint32_t below(size_t count) {
    return static_cast<uint32_t>(std::min(static_cast<size_t>(uniform() * static_cast<double>(count)), count - 1));
  }

 private:
  uint64_t seed_, next_ = 0;
};

// All sets of `count` classes alike, by Floyd's method (Bentley & Floyd 1987).
class Uniform : public Sampler {
 public:
  explicit Uniform(size_t numClasses) : numClasses_(numClasses) {}
  void draw(std::vector<uint32_t>& classes, std::vector<double>& probabilities, size_t count, uint64_t seed,
            uint64_t number) const override {
    count = std::min(count, numClasses_);
    Drawn drawn(count);
    Stream stream(seed, number);
    classes.clear();
    for (size_t last = numClasses_ - count; last < numClasses_; last++) {
      const uint32_t id = stream.below(last + 1);
      classes.push_back(drawn.add(id) ? id : static_cast<uint32_t>(last));
      if (classes.back() != id) drawn.add(classes.back());
    }
    std::sort(classes.begin(), classes.end());
    probabilities.assign(count, static_cast<double>(count) / static_cast<double>(numClasses_));
  }

 private:
  size_t numClasses_;
};

// Draws from a distribution until enough different classes are found. Class c is in n draws with the probability 1 - (1 - q_c)^n.
class Repeated : public Sampler {
 public:
  explicit Repeated(size_t numClasses) : numClasses_(numClasses) {}
  void draw(std::vector<uint32_t>& classes, std::vector<double>& probabilities, size_t count, uint64_t seed,
            uint64_t number) const override {
    count = std::min(count, numClasses_);
    Drawn drawn(count);
    Stream stream(seed, number);
    classes.clear();
    size_t tries = 0;
    for (; classes.size() < count && tries < kTriesPerClass * count; tries++) {
      const uint32_t id = one(stream.uniform());
      if (drawn.add(id)) classes.push_back(id);
    }
    std::sort(classes.begin(), classes.end());
    probabilities.resize(classes.size());
    for (size_t i = 0; i < classes.size(); i++) {
      probabilities[i] = -std::expm1(static_cast<double>(tries) * std::log1p(-share(classes[i])));
    }
  }

 protected:
  virtual uint32_t one(double u) const = 0;
  virtual double share(uint32_t id) const = 0;  // q

  size_t numClasses_;
};

// q_c = log((c + 2) / (c + 1)) / log(D + 1): Zipf's law for classes sorted by falling frequency.
class LogUniform : public Repeated {
 public:
  explicit LogUniform(size_t numClasses) : Repeated(numClasses), range_(std::log1p(static_cast<double>(numClasses))) {}

 protected:
  uint32_t one(double u) const override {
    return static_cast<uint32_t>(std::min(static_cast<size_t>(std::expm1(u * range_)), numClasses_ - 1));
  }
  double share(uint32_t id) const override { return std::log1p(1 / (id + 1.0)) / range_; }

 private:
  double range_;
};

// q_c in proportion to max(count_c, 1)^power: a class that was never seen can be drawn too.
class Unigram : public Repeated {
 public:
  Unigram(size_t numClasses, const SamplerSettings& settings)
      : Repeated(numClasses), power_(settings.power), gathers_(settings.counts.empty()), table_(numClasses) {
    if (gathers_) {
      gathered_.zeros(numClasses);
      table_.build([](size_t) { return 1.0; });
    } else {
      build([&](size_t i) { return settings.counts[i]; });
    }
  }
  // The table follows the counts at updates 64, 128, 256 and so on: all its rebuilding costs O(D log updates).
  void observe(const std::vector<uint32_t>& classes, const std::vector<uint32_t>& ends, uint64_t update) override {
    if (!gathers_) return;
    for (size_t i = 0; i < classes.size(); i++) gathered_[classes[i]] += ends[i + 1] - ends[i];
    if (update < 64 || (update & (update - 1)) != 0) return;
    build([&](size_t i) { return gathered_[i]; });
  }
  // With the table, because it is of the counts of an earlier update, or of counts that were given.
  void archive(Archive& archive) override {
    archive.record("sampler", [&](ByteStream& stream) {
      uint8_t gathers = gathers_;
      stream.number(gathers);
      gathers_ = gathers != 0;
    });
    if (gathers_) archive.replicatedRows("sampler.counts", gathered_.reserve(numClasses_), numClasses_, 1);
    table_.archive(archive);
  }
  void checkRestored() const override { table_.checkRestored(); }
  size_t bytes() const override { return table_.bytes() + gathered_.bytes(); }

 protected:
  uint32_t one(double u) const override { return table_.draw(u); }
  double share(uint32_t id) const override { return table_.share(id); }

 private:
  template <class Count>
  void build(Count&& count) {
    double most = 1;
    for (size_t i = 0; i < numClasses_; i++) most = std::max<double>(most, count(i));
    table_.build([&](size_t i) { return std::pow(std::max<double>(count(i), 1) / most, power_); });
  }

  double power_;
  bool gathers_;
  AliasTable table_;
  Buffer<double> gathered_;
};

void checkCounts(const std::vector<double>& counts) {
  for (size_t i = 0; i < counts.size(); i++) {
    if (std::isfinite(counts[i]) && counts[i] >= 0) continue;
    throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE",
                "counts must be at least 0 and finite, got " + shown(counts[i]) + " at index " + std::to_string(i));
  }
}

}  // namespace

std::unique_ptr<Sampler> makeSampler(const SamplerSettings& settings, size_t numClasses) {
  if (settings.kind == "uniform") return std::make_unique<Uniform>(numClasses);
  if (settings.kind == "log-uniform") return std::make_unique<LogUniform>(numClasses);
  if (settings.kind == "unigram") {
    checkCounts(settings.counts);
    return std::make_unique<Unigram>(numClasses, settings);
  }
  throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE", "sampler is unknown: " + settings.kind);
}

}  // namespace widehead
