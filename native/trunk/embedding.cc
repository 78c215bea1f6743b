#include "trunk/embedding.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include "base/error.h"
#include "base/pool.h"
#include "base/prefetch.h"
#include "base/rng.h"
#include "kernels/kernels.h"

namespace widehead {
namespace {

// A thread's part should last longer than handing it over: some 16000 floats of work.
constexpr size_t kGrainFloats = 16384;
// Entries a block: blocks are the unit of the fixed order in which partial norms are added, and of sharing out rows.
constexpr size_t kBlock = 128;
// Rows come from anywhere in the table, so that each is a wait for memory. Asking for them early takes a backward pass
// from 12.1 to 8.9 ms and a forward pass from 6.2 to 6.0 (2 million rows of 128, 64,000 entries, layers of 300 and 300,
// one thread); a table that fits the cache gains 5 % at most.
constexpr size_t kGatherAhead = 8;
constexpr size_t kUpdateAhead = 1;

double sumFactor(double) { return 1; }
double meanFactor(double entries) { return 1 / entries; }
double sqrtFactor(double entries) { return 1 / std::sqrt(entries); }

constexpr Combine kCombines[] = {{"sum", sumFactor}, {"mean", meanFactor}, {"sqrt", sqrtFactor}};

}  // namespace

std::vector<std::string> combineNames() {
  std::vector<std::string> names;
  for (const Combine& combine : kCombines) names.push_back(combine.name);
  return names;
}

const Combine& findCombine(const std::string& name) {
  for (const Combine& combine : kCombines) {
    if (name == combine.name) return combine;
  }
  throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE", "combine is unknown: " + name);
}

Embedding::Embedding(size_t rows, size_t cols, const Combine& combine, const OptimizerSettings& optimizer, double scale,
                     uint64_t seed)
    : rows_(rows), cols_(cols), combine_(combine), table_(rows * cols, Fill::Whole),
      optimizer_(makeOptimizer(optimizer, rows, cols)) {
  parallelFor(rows * cols, kGrainFloats, [this, scale, seed](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) table_[i] = static_cast<float>(scale * randomNormal(seed, i));
  });
}

float Embedding::factor(size_t entries) const {
  return entries == 0 ? 0.0f : static_cast<float>(combine_.factor(static_cast<double>(entries)));
}

void Embedding::prefetchRow(size_t id) const { prefetchFloats(table_.data() + id * cols_, cols_); }

void Embedding::forward(MatrixF sums, const Bags& bags) const {
  const size_t floatsPerBag = std::max<size_t>(1, bags.entries * cols_ / bags.count);
  auto body = [&](size_t begin, size_t end) {
    for (size_t bag = begin; bag < end; ++bag) {
      float* sum = sums.row(bag);
      std::fill(sum, sum + cols_, 0.0f);
      const float factor = this->factor(bags.size(bag));
      for (size_t i = bags.begin(bag); i < bags.end(bag); ++i) {
        if (i + kGatherAhead < bags.entries) prefetchRow(bags.indices[i + kGatherAhead]);
        kernels().axpy(sum, factor * bags.value(i), table_.data() + bags.indices[i] * cols_, cols_);
      }
    }
  };
  parallelFor(bags.count, 1 + kGrainFloats / floatsPerBag, std::ref(body));
}

void Embedding::keep(const Bags& bags) {
  entries_ = bags.entries;
  bags_ = bags.count;
  std::copy(bags.indices, bags.indices + bags.entries, ids_.reserve(entries_));
  bagOf_.reserve(entries_);
  weights_.reserve(entries_);
  for (size_t bag = 0; bag < bags.count; ++bag) {
    const float factor = this->factor(bags.size(bag));
    for (size_t i = bags.begin(bag); i < bags.end(bag); ++i) {
      bagOf_[i] = static_cast<uint32_t>(bag);
      weights_[i] = factor * bags.value(i);
    }
  }
}

void Embedding::announce(Call& call) const {
  call.sizes[0] = bags_;
  call.sizes[1] = entries_;
}

// A rank's part is one message: the gradients of its bags, and for each entry its id, its bag and c_b w.
ConstMatrixF Embedding::gather(Communicator& comm, const std::vector<Call>& calls, ConstMatrixF dSums) {
  std::vector<size_t> ends;
  size_t bags = 0, entries = 0;
  for (const Call& call : calls) {
    bags += call.sizes[0];
    entries += call.sizes[1];
    ends.push_back((ends.empty() ? 0 : ends.back()) + 4 * (call.sizes[0] * cols_ + 3 * call.sizes[1]));
  }
  packed_.resize(ends.back());
  uint8_t* to = packed_.data() + (comm.rank() == 0 ? 0 : ends[comm.rank() - 1]);
  const auto put = [&](const void* from, size_t count) {
    if (count > 0) std::memcpy(to, from, 4 * count);
    to += 4 * count;
  };
  put(dSums.data, bags_ * cols_);
  put(ids_.data(), entries_);
  put(bagOf_.data(), entries_);
  put(weights_.data(), entries_);
  comm.allGather(packed_.data(), ends);

  ids_.reserve(entries);
  bagOf_.reserve(entries);
  weights_.reserve(entries);
  gatheredSums_.reserve(bags * cols_);
  const uint8_t* from = packed_.data();
  const auto take = [&](void* out, size_t count) {
    if (count > 0) std::memcpy(out, from, 4 * count);
    from += 4 * count;
  };
  bags_ = entries_ = 0;
  for (const Call& call : calls) {
    const size_t count = call.sizes[1];
    take(gatheredSums_.data() + bags_ * cols_, call.sizes[0] * cols_);
    take(ids_.data() + entries_, count);
    take(bagOf_.data() + entries_, count);
    take(weights_.data() + entries_, count);
    for (size_t i = 0; i < count; ++i) bagOf_[entries_ + i] += static_cast<uint32_t>(bags_);
    bags_ += call.sizes[0];
    entries_ += count;
  }
  return {gatheredSums_.data(), bags, cols_};
}

void Embedding::addTo(Digest& digest) const {
  for (size_t i = 0; i < sorted_.count(); i = sorted_.runEnd(i)) {
    digest.number(sorted_.id(i));
    digest.add(table_.data() + sorted_.id(i) * cols_, cols_ * sizeof(float));
  }
}

void Embedding::sumRun(float* gradient, ConstMatrixF dSums, size_t begin, size_t end) const {
  std::fill(gradient, gradient + cols_, 0.0f);
  for (size_t i = begin; i < end; ++i) {
    const size_t entry = sorted_.entry(i);
    kernels().axpy(gradient, weights_[entry], dSums.row(bagOf_[entry]), cols_);
  }
}

// Gradients of rows are summed here and again in update(): they come from dSums, which the second-level cache holds,
// while to store and reload them would be twice the memory traffic of the rows themselves.
double Embedding::squaredGradientNorm(ConstMatrixF dSums) {
  sorted_.sort(ids_.data(), entries_, rows_);
  const size_t blocks = (entries_ + kBlock - 1) / kBlock;
  bagNorms_.reserve(bags_);
  blockNorms_.zeros(blocks);
  gradients_.reserve(blocks * cols_);
  for (size_t bag = 0; bag < bags_; ++bag) bagNorms_[bag] = kernels().dotDouble(dSums.row(bag), dSums.row(bag), cols_);

  auto body = [&](size_t begin, size_t end) {
    float* gradient = gradients_.data() + begin * cols_;
    for (size_t block = begin; block < end; ++block) {
      const size_t blockEnd = std::min(entries_, (block + 1) * kBlock);
      for (size_t i = sorted_.runStart(block * kBlock), next; i < blockEnd; i = next) {
        next = sorted_.runEnd(i);
        const double weight = weights_[sorted_.entry(i)];
        if (next == i + 1) {  // most ids of a minibatch occur once
          blockNorms_[block] += weight * weight * bagNorms_[bagOf_[sorted_.entry(i)]];
        } else {
          sumRun(gradient, dSums, i, next);
          blockNorms_[block] += kernels().dotDouble(gradient, gradient, cols_);
        }
      }
    }
  };
  parallelFor(blocks, 1 + kGrainFloats / (kBlock * cols_), std::ref(body));

  double sum = 0;
  for (size_t block = 0; block < blocks; ++block) sum += blockNorms_[block];
  return sum;
}

void Embedding::update(ConstMatrixF dSums, float scale, double learningRate) {
  const size_t blocks = (entries_ + kBlock - 1) / kBlock;
  auto body = [&](size_t begin, size_t end) {
    float* gradient = gradients_.data() + begin * cols_;
    const size_t last = std::min(entries_, end * kBlock);
    for (size_t i = sorted_.runStart(begin * kBlock), next; i < last; i = next) {
      next = sorted_.runEnd(i);
      if (next + kUpdateAhead < entries_) {
        prefetchRow(sorted_.id(next + kUpdateAhead));
        optimizer_->prefetch(sorted_.id(next + kUpdateAhead));
      }
      sumRun(gradient, dSums, i, next);
      optimizer_->update(table_.data() + sorted_.id(i) * cols_, gradient, sorted_.id(i), 1, scale, learningRate);
    }
  };
  parallelFor(blocks, 1 + kGrainFloats / (kBlock * cols_), std::ref(body));
}

}  // namespace widehead
