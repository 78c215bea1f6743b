// Draws of different classes at random, with the probability that each of them was drawn: the negatives of sampled losses.
// A draw is a pure function of (seed, number of the draw).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/archive.h"

namespace widehead {

struct SamplerSettings {
  std::string kind = "uniform";  // "uniform", "log-uniform" or "unigram"
  double power = 0.75;           // of unigram: classes are drawn in proportion to count^power
  std::vector<double> counts;    // of unigram, one a class; empty: those of the targets trained on
};

// Stream of a head's seed that its draws come from: apart from the starting weights, which have the same seed. One for all heads, so that
// they can be compared.
constexpr uint64_t kDraws = 0x64726177;

class Sampler {
 public:
  virtual ~Sampler() = default;
  // Fills classes with `count` different classes (at most numClasses of them), rising; with fewer where 64 tries a class
  // did not find as many. probabilities: that a draw like this has the class in it, one each.
  virtual void draw(std::vector<uint32_t>& classes, std::vector<double>& probabilities, size_t count, uint64_t seed,
                    uint64_t number) const = 0;
  // Told of the targets of update number `update`, from 1: class classes[i] was a target of ends[i + 1] - ends[i] examples. Throws
  // nothing.
  virtual void observe(const std::vector<uint32_t>&, const std::vector<uint32_t>&, uint64_t) {}
  // What it has gathered. After loading, checkRestored() once the streamed rows are there.
  virtual void archive(Archive&) {}
  virtual void checkRestored() const {}
  virtual size_t bytes() const { return 0; }
};

// Throws Error Range if there is no such kind, or for counts that are negative or not finite.
std::unique_ptr<Sampler> makeSampler(const SamplerSettings& settings, size_t numClasses);

}  // namespace widehead
