// Memory that is at an end in the middle of a step: the head is what it was, with an error, or has made the step, without one.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <thread>

#include "base/memory_reserve.h"
#include "base/pool.h"
#include "exact_reference.h"
#include "heads/bulk_softmax_head.h"

namespace {

// What is in use of the memory that `new` gives, and how much of it there is. The n-th allocation from now on finds all of it in use;
// from there on, what is given back can be had again.
std::atomic<int64_t> used{0}, most{INT64_MAX}, untilNone{INT64_MAX};
std::atomic<int> refused{0};

constexpr size_t kHeader = 128;  // before each block: its size, and where its memory begins

void* tryToAllocate(size_t bytes) {
  const int64_t size = static_cast<int64_t>(bytes);
  if (untilNone-- == 0) most = used.load();
  if (used + size > most) return nullptr;
  void* memory = std::malloc(bytes + kHeader);
  if (memory == nullptr) return nullptr;
  used += size;
  const uintptr_t block = (reinterpret_cast<uintptr_t>(memory) + kHeader) / 64 * 64;
  reinterpret_cast<int64_t*>(block)[-1] = size;
  reinterpret_cast<void**>(block)[-2] = memory;
  return reinterpret_cast<void*>(block);
}

void* allocate(size_t bytes) {
  for (;;) {
    if (void* block = tryToAllocate(bytes)) return block;
    refused++;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

void give(void* block) {
  if (block == nullptr) return;
  used -= static_cast<int64_t*>(block)[-1];
  std::free(static_cast<void**>(block)[-2]);
}

}  // namespace

void* operator new(size_t bytes) { return allocate(bytes); }
void* operator new[](size_t bytes) { return allocate(bytes); }
void* operator new(size_t bytes, std::align_val_t) { return allocate(bytes); }
void* operator new[](size_t bytes, std::align_val_t) { return allocate(bytes); }
// A sanitizer's own would take this one's place, and not that of delete.
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return tryToAllocate(bytes); }
void operator delete(void* memory) noexcept { give(memory); }
void operator delete[](void* memory) noexcept { give(memory); }
void operator delete(void* memory, size_t) noexcept { give(memory); }
void operator delete[](void* memory, size_t) noexcept { give(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { give(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { give(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { give(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { give(memory); }

namespace {

using namespace exact_reference;

// `copies` examples along each of `count` axes, of length 1.
Minibatch orthogonalBatch(const HeadConfig& config, size_t count, size_t copies) {
  Minibatch batch;
  for (size_t j = 0; j < count * copies; j++) {
    for (size_t i = 0; i < config.hiddenSize; i++) batch.hidden.push_back(i == j % count ? 1 : 0);
    batch.classes.push_back(static_cast<uint32_t>(7 * j % config.numClasses));
    batch.values.push_back(1);
    batch.endExample();
  }
  return batch;
}

// On a thread that has no scratch yet; whether it was made. Counts its allocations.
bool applyWithout(widehead::Head& head, Pass& pass, const ApplyOptions& options, int64_t left, int64_t& allocations) {
  bool done = false;
  std::thread([&] {
    refused = 0;
    untilNone = left;
    try {
      head.apply(pass, options);
      done = true;
    } catch (const std::exception&) {
    }
    allocations = left - untilNone;
    untilNone = INT64_MAX;
    most = INT64_MAX;
  }).join();
  return done;
}

// Steps of the head, each beginning at another of its allocations, the n-th of which finds no memory left; while a step fails, it is tried
// with one more.
struct Sweep {
  size_t failed = 0, made = 0, madeWithout = 0;
  int64_t allocations = 0;  // of the last step that was made

  void step(Pair& pair, const Minibatch& batch, const ApplyOptions& options) {
    pair.forward(batch);
    const std::vector<float> before = pair.rows();
    const uint64_t digest = pair.head.digest();
    int64_t left = static_cast<int64_t>(7 * made) % (allocations + 1);
    for (; !applyWithout(pair.head, *pair.pass, options, left, allocations); left++) {
      failed++;
      CHECK(pair.head.digest() == digest && pair.rows() == before);
    }
    made++;
    if (refused > 0) madeWithout++;
    pair.reference.step(batch, pair.loss, options);
  }

  void check(const Pair& pair, double tolerance) const {
    CHECK(failed > 0);
    CHECK(madeWithout > made / 4);
    CHECK_NEAR(pair.weightError(), 0, tolerance);
  }
};

}  // namespace

TEST(stepsOfAllShapes) {
  for (const size_t threads : {size_t{1}, size_t{2}}) {  // only the largest of these steps use two
    widehead::setThreads(threads);
    for (const size_t m : {size_t{1}, size_t{6}, size_t{31}, size_t{80}}) {
      const HeadConfig config = {60, 30, true};
      Pair pair(config, kSquared);
      Sweep sweep;
      for (uint64_t step = 0; step < 120; step++) {
        const Minibatch batch = randomBatch(config, m, step);
        sweep.step(pair, batch, rate(rateForShare(config, batch, 0.7)));
      }
      CHECK(pair.head.diagnostics()["logLength"] > 50);  // stretches of four were closed
      sweep.check(pair, 2e-5);
    }
  }
}

// Directions that are split off, and more of them than are: U goes into the log as a whole. Few examples, and more than features.
TEST(singularSteps) {
  widehead::setThreads(2);
  for (const size_t count : {size_t{7}, size_t{70}}) {
    for (const size_t copies : {size_t{1}, 140 / count}) {
      const HeadConfig config = {40, 72, false};
      Pair pair(config, kSquared);
      Sweep sweep;
      for (uint64_t step = 0; step < 40; step++) {
        const Minibatch batch = orthogonalBatch(config, count, copies);
        // 2 lr copies / m = 1: what lies along each axis is wiped out.
        sweep.step(pair, batch, rate(0.5 * static_cast<double>(count)));
        sweep.step(pair, randomBatch(config, 5, step), rate(0.005));
      }
      CHECK(pair.head.diagnostics()["denseEntries"] >= 20 * static_cast<double>(std::min<size_t>(count, 64)));
      sweep.check(pair, 5e-5);
    }
  }
}

// Decay that is folded into the log, and decay that takes most of W, for which U goes into it too.
TEST(decay) {
  widehead::setThreads(1);
  const HeadConfig config = {50, 10, true};
  Pair pair(config, kSquared);
  Sweep sweep;
  for (uint64_t step = 0; step < 200; step++) {
    const Minibatch batch = randomBatch(config, step % 2 == 0 ? 4 : 20, step);
    sweep.step(pair, batch, rate(0.02, step % 7 == 0 ? 35 : 5));
  }
  sweep.check(pair, 2e-5);
}

// A head that finds no memory left in its steps, and one that always has some: each step that was made left the same weights in both.
TEST(bulkSoftmax) {
  widehead::setThreads(1);
  const HeadConfig config = {300, 12, true};
  const InitConfig init = {InitConfig::Normal, 0.3, 5, nullptr, nullptr};
  const widehead::StabilisationPolicy policy = {0.35, 0.5, 16, 1, 10};
  for (const char* optimizer : {"sgd", "adagrad"}) {
    widehead::BulkSettings settings;
    settings.shortlist.size = 20;
    settings.sampled = 40;
    settings.sampledShare = 0.9;
    settings.ratePower = 0.5;
    settings.optimizer.kind = optimizer;
    widehead::BulkSoftmaxHead head(config, init, policy, 8, settings), other(config, init, policy, 8, settings);
    size_t failed = 0, without = 0;
    int64_t allocations = 0;
    for (uint64_t step = 0; step < 150; step++) {
      const Minibatch batch = randomBatch(config, 20, step);
      const std::unique_ptr<Pass> pass = head.newPass(), itsPass = other.newPass();
      for (auto [of, its] : {std::pair(&head, pass.get()), std::pair(&other, itsPass.get())}) {
        its->assign(config, batch.hidden.data(), batch.targets());
        of->score(*its);
        of->differentiate(*its);
      }
      const uint64_t before = head.digest();
      int64_t left = step % 2 == 0 ? 0 : static_cast<int64_t>(7 * step) % (allocations + 1);
      for (; !applyWithout(head, *pass, rate(0.1), left, allocations); left++) {
        failed++;
        CHECK(head.digest() == before);
      }
      without += refused > 0;
      other.apply(*itsPass, rate(0.1));
      CHECK(head.digest() == other.digest());
    }
    CHECK(failed > 100);
    CHECK(without > 30);
  }
}

TEST_MAIN
