// The targets of a minibatch, checked and put in order: each class once an example, and grouped by class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "comm/shard.h"

namespace widehead {

// As the caller holds them. indptr null: one class an example. values null: all 1.
struct TargetsInput {
  size_t m;
  const uint32_t* indptr;  // m + 1
  const uint32_t* indices;
  size_t count;  // length of indices
  const float* values;
  bool signedIndptr = true, signedIds = true;  // how messages show numbers above 2^31
};

// nnz entries; example j has the entries indptr[j] .. indptr[j + 1].
class Targets {
 public:
  // Checks the input (throws Error Range naming the place) and copies it. An example's entries of one class are added up;
  // the sum stands where the first of them stood.
  void assign(const TargetsInput& input, size_t numClasses, const Shard& shard = {});

  size_t examples() const { return indptr_.size() - 1; }
  size_t nnz() const { return exampleOf_.size(); }
  size_t numUnique() const { return unique_.size(); }
  const uint32_t* indptr() const { return indptr_.data(); }
  const float* values() const { return values_.data(); }
  // The distinct classes of the minibatch in rising order, and where in that list entry k's class is.
  const std::vector<uint32_t>& unique() const { return unique_; }
  size_t slot(size_t k) const { return slot_[k]; }
  // Places in that list of the classes of this rank, rising, and their rows. Without other ranks: all.
  const std::vector<uint32_t>& own() const { return own_; }
  const std::vector<uint32_t>& ownRows() const { return ownRows_; }
  size_t example(size_t k) const { return exampleOf_[k]; }
  // The entries of distinct class u are byClass()[classPtr()[u]] .. [classPtr()[u + 1]], examples rising.
  const std::vector<uint32_t>& byClass() const { return byClass_; }
  const std::vector<uint32_t>& classPtr() const { return classPtr_; }

 private:
  void check(const TargetsInput& input, size_t numClasses) const;
  void listEntries(const TargetsInput& input);
  void sortKeys(const uint32_t* classes, size_t count, size_t numClasses);
  bool repeatsPrevious(size_t i) const;
  bool repeats() const;
  void mergeDuplicates();
  void groupByClass();
  void findOwn(const Shard& shard);

  std::vector<uint32_t> indptr_, exampleOf_, slot_, unique_, byClass_, classPtr_, own_, ownRows_;
  std::vector<float> values_;
  std::vector<uint64_t> keys_, sorted_;  // (class, place) sorted, and scratch
};

}  // namespace widehead
