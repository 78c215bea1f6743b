#include "heads/gathered_batch.h"

#include <cstring>

#include "base/error.h"

namespace widehead {

void GatheredBatch::announce(Call& call, const TargetsInput& own) {
  call.sizes[0] = own.m;
  call.sizes[1] = own.count;
  call.sizes[2] = own.values != nullptr;
}

// A rank's part is packed into one message: hidden, the end of each example's targets, the targets, and their values if any rank has some.
void GatheredBatch::gather(Communicator& comm, const std::vector<Call>& calls, size_t d, const float* hidden,
                           const TargetsInput& own) {
  hasValues_ = false;
  size_t examples = 0, targets = 0;
  for (const Call& call : calls) {
    examples += call.sizes[0];
    targets += call.sizes[1];
    hasValues_ = hasValues_ || call.sizes[2] != 0;
  }
  if (examples == 0 || examples > INT32_MAX || targets > INT32_MAX) {
    throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE",
                "the ranks together must bring 1 to 2147483647 examples, got " + std::to_string(examples));
  }
  const auto bytesOf = [&](const Call& call) {
    return (call.sizes[0] * (d + 1) + call.sizes[1] * (hasValues_ ? 2 : 1)) * 4;
  };
  std::vector<size_t> ends;
  for (const Call& call : calls) ends.push_back((ends.empty() ? 0 : ends.back()) + bytesOf(call));
  packed_.resize(ends.back());

  uint8_t* to = packed_.data() + (comm.rank() == 0 ? 0 : ends[comm.rank() - 1]);
  const auto put = [&](const void* from, size_t count) {
    if (count > 0) std::memcpy(to, from, 4 * count);
    to += 4 * count;
  };
  put(hidden, own.m * d);
  for (uint32_t j = 1; j <= own.m; j++) put(own.indptr != nullptr ? &own.indptr[j] : &j, 1);
  put(own.indices, own.count);
  if (hasValues_ && own.values != nullptr) {
    put(own.values, own.count);
  } else if (hasValues_) {
    const std::vector<float> ones(own.count, 1.0f);
    put(ones.data(), own.count);
  }
  comm.allGather(packed_.data(), ends);

  hidden_.reserve(examples * d);
  indptr_.assign(1, 0);
  indices_.resize(targets);
  values_.resize(hasValues_ ? targets : 0);
  const uint8_t* from = packed_.data();
  const auto take = [&](void* out, size_t count) {
    if (count > 0) std::memcpy(out, from, 4 * count);
    from += 4 * count;
  };
  size_t example = 0, target = 0;
  for (size_t r = 0; r < calls.size(); r++) {
    const size_t m = calls[r].sizes[0], count = calls[r].sizes[1];
    if (r == comm.rank()) begin_ = example, end_ = example + m;
    take(&hidden_[example * d], m * d);
    indptr_.resize(example + m + 1);
    take(&indptr_[example + 1], m);
    for (size_t j = 1; j <= m; j++) indptr_[example + j] += static_cast<uint32_t>(target);
    take(indices_.data() + target, count);
    if (hasValues_) take(values_.data() + target, count);
    example += m;
    target += count;
  }
}

TargetsInput GatheredBatch::targets() const {
  return {indptr_.size() - 1, indptr_.data(), indices_.data(), indices_.size(), hasValues_ ? values_.data() : nullptr};
}

}  // namespace widehead
