// The minibatches of all ranks, one after the other in the order of the ranks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/buffer.h"
#include "comm/meeting.h"
#include "heads/targets.h"

namespace widehead {

class GatheredBatch {
 public:
  // What a rank brings, for its call: numbers of examples and of targets, and whether those have values.
  static void announce(Call& call, const TargetsInput& own);

  // hidden: own.m x d. After a meeting whose calls said how much comes.
  void gather(Communicator& comm, const std::vector<Call>& calls, size_t d, const float* hidden,
              const TargetsInput& own);

  const float* hidden() const { return hidden_.data(); }  // m x d
  TargetsInput targets() const;
  size_t begin() const { return begin_; }  // the own examples
  size_t end() const { return end_; }

 private:
  Buffer<float> hidden_;
  std::vector<uint32_t> indptr_, indices_;
  std::vector<float> values_;
  bool hasValues_ = false;
  size_t begin_ = 0, end_ = 0;
  std::vector<uint8_t> packed_;
};

}  // namespace widehead
