// The most frequent classes: given once and for all, by counts that were given, or by those of the targets trained on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/archive.h"
#include "base/buffer.h"
#include "heads/targets.h"

namespace widehead {

struct FrequentSettings {
  std::vector<uint32_t> classes;  // the list itself, each class once; where it is empty, `size` classes
  size_t size = 0;
  const double* counts = nullptr;  // one a class; null: those of the targets trained on
};

class FrequentClasses {
 public:
  // Throws Error Range for counts that are negative or not finite.
  FrequentClasses(const FrequentSettings& settings, size_t numClasses);

  // Rising. Of gathered counts only classes that were targets.
  const std::vector<uint32_t>& classes() const { return classes_; }

  // Whether the list was chosen by counts; then (smallest count in it / count of the one at `place`)^power.
  bool hasCounts() const { return !counts_.empty(); }
  double rate(size_t place, double power) const;

  // Told of the targets of update number `update`, from 1. Gathered counts are looked at after updates 1, 2, 4, 8 and so on, so that all
  // looking costs O(D log updates). Throws nothing.
  void observe(const Targets& targets, uint64_t update);

  void archive(Archive& archive);
  void checkRestored() const;
  size_t bytes() const { return gathered_.bytes() + classes_.capacity() * sizeof(uint32_t); }

 private:
  template <class Count>
  void choose(Count&& count);

  size_t numClasses_, size_;
  bool gathers_;
  std::vector<uint32_t> classes_;
  std::vector<double> counts_;  // of classes_
  Buffer<double> gathered_;
};

}  // namespace widehead
