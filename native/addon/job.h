// One call on a head: the stages of a pass that it runs, here or on a worker thread.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "addon/convert.h"
#include "heads/head.h"
#include "heads/joint_calls.h"

namespace widehead::addon {

enum Stage { kScore = 1, kDifferentiate = 2, kApply = 4, kExactly = 8 };

// What a call and the facade tell each other beside arrays lies in a Float64Array of the pass (lib/heads/pass.ts), where
// reading it is no call to Node. A gradient of up to kSmall floats follows it.
enum Number { kStages, kLearningRate, kWeightDecay, kClipNorm, kLoss, kGradNorm, kNumbers };
constexpr size_t kSmall = 16;

struct HeldPass;

// A head as its wrapper and its passes share it, so that closing it takes the weights from all of them, and their scratch.
struct OpenHead {
  std::shared_ptr<Head> head;
  std::vector<HeldPass*> passes;  // those that JavaScript has not let go of
  LossFunction loss = nullptr;    // null: the loss is JavaScript's, or the head's own
  std::vector<double> parameters;

  // The facade knows when a head is closed; this is for code of the caller's that closes it in the middle of a call.
  Head& get() const {
    if (head == nullptr) throw Error(ErrorKind::State, "WIDEHEAD_CLOSED", "the head is closed");
    return *head;
  }
};

// A pass as JavaScript holds it.
struct HeldPass {
  std::shared_ptr<OpenHead> owner;
  std::shared_ptr<Pass> pass;  // null once the head is closed, or another pass has taken it over
  double* numbers;
  Napi::ObjectReference keepsNumbers;
  Napi::ObjectReference holder;  // weak: empty as soon as the garbage collector has taken who may use the pass
  int64_t tracked = 0;           // what the collector was told that it weighs

  HeldPass(std::shared_ptr<OpenHead> head, const Napi::Object& array, const Napi::Object& user)
      : owner(std::move(head)), numbers(static_cast<double*>(ArrayView(array).data)),
        keepsNumbers(Napi::Persistent(array)), holder(Napi::Weak(user)) {
    const Head& open = owner->get();
    takeForgotten();
    if (pass == nullptr) pass = open.newPass();
    owner->passes.push_back(this);
  }
  ~HeldPass() { owner->passes.erase(std::find(owner->passes.begin(), owner->passes.end(), this)); }

  void release(Napi::Env env) {
    pass.reset();
    if (tracked != 0) Napi::MemoryManagement::AdjustExternalMemory(env, -tracked);
    tracked = 0;
  }

 private:
  // Node says that a pass was forgotten when the event loop turns, which a loop of forward() without apply() may put off for
  // ever: its buffers go on in this one before that.
  void takeForgotten() {
    for (HeldPass* other : owner->passes) {
      if (other->pass == nullptr || other->pass.use_count() > 1 || !other->holder.Value().IsEmpty()) continue;
      pass = std::move(other->pass);
      tracked = std::exchange(other->tracked, 0);
      return;
    }
  }
};

// What one call does; everything it points to is kept alive by whoever runs it.
struct Job {
  Head& head;
  Pass& pass;
  const OpenHead& owner;
  double* numbers;
  uint32_t stages;
  const float* hidden = nullptr;
  TargetsInput targets{};
  float* dHidden = nullptr;

  void run() const {
    // Ranks that hold a head together run a call from its meeting to its end, before another head has its turn.
    Communicator* comm = head.communicator();
    if (comm == nullptr) return runStages();
    const std::lock_guard<std::mutex> turn(comm->turn());
    runStages();
  }

 private:
  ApplyOptions rates() const { return {numbers[kLearningRate], numbers[kWeightDecay], numbers[kClipNorm]}; }

  void begin() const {
    if (head.communicator() == nullptr) {
      if (stages & kScore) pass.assign(head.config(), hidden, targets);
      return;
    }
    const ApplyOptions options = rates();
    const JointPass joint = {stages & kApply           ? "step"
                             : stages & kDifferentiate ? "forward"
                                                       : "evaluate",
                             stages & kApply ? &options : nullptr};
    stages& kScore ? assignTogether(head, pass, joint, hidden, targets) : meetAgain(head, joint);
  }

  void runStages() const {
    const size_t numClasses = head.config().numClasses, d = head.config().hiddenSize;
    begin();
    if (stages & kScore) {
      // A pass that ends with its scores is an evaluation, or waits for a loss of JavaScript's: to heads that take one,
      // the two are the same.
      stages == kScore ? head.evaluate(pass) : stages& kExactly ? head.evaluateExactly(pass) : head.score(pass);
      if (owner.loss != nullptr) pass.computeLoss(owner.loss, owner.parameters.data(), numClasses);
    }
    if (stages & kDifferentiate) {
      head.differentiate(pass);
      // All of it is checked on all ranks, which then agree.
      if (pass.ownEnd - pass.ownBegin < pass.m) checkGradient(pass.dHidden.data(), pass.m * d);
      copyGradient(dHidden, &pass.dHidden[pass.ownBegin * d], (pass.ownEnd - pass.ownBegin) * d);
    }
    if (stages & kApply) {
      if (pass.version != head.version()) {
        throw Error(ErrorKind::State, "WIDEHEAD_STALE",
                    "apply() works once, and only while the weights are those of its forward pass");
      }
      numbers[kGradNorm] = head.apply(pass, rates());
    }
    numbers[kLoss] = pass.loss;
  }
};

// m, the number of examples in a hidden array: at least one, but for a rank among others.
inline size_t examplesOf(const ArrayView& hidden, size_t hiddenSize, size_t atLeast = 1) {
  const size_t m = hidden.length / hiddenSize;
  checkLength("hidden", m >= atLeast && m <= INT32_MAX && hidden.length == m * hiddenSize);
  return m;
}

// (pass, hidden, indices, dHidden, indptr, values): hidden and targets to score, dHidden to differentiate; all but those may
// be missing. Without dHidden the gradient goes behind the numbers.
inline Job readJob(const Napi::CallbackInfo& info, HeldPass& held) {
  Head& head = held.owner->get();
  Job job{head, *held.pass, *held.owner, held.numbers, static_cast<uint32_t>(held.numbers[kStages])};
  const size_t d = head.config().hiddenSize;
  size_t m = held.pass->ownEnd - held.pass->ownBegin;
  if (job.stages & kScore) {
    const ArrayView hidden(info[1]), indices(info[2]);
    m = examplesOf(hidden, d, head.communicator() == nullptr ? 1 : 0);
    job.hidden = hidden.floats();
    job.targets = {m, nullptr, indices.ids(), indices.length, nullptr, true, indices.holdsSigned()};
    if (info.Length() <= 4) {
      checkLength("hidden or targets", indices.length == m);
    } else {
      const ArrayView indptr(info[4]), values(info[5]);
      checkLength("hidden or targets.indptr", indptr.length == m + 1);
      checkLength("targets.indices or targets.values", !values.present || values.length == indices.length);
      job.targets.indptr = indptr.ids();
      job.targets.signedIndptr = indptr.holdsSigned();
      if (values.present) job.targets.values = values.floats();
    }
  }
  if (job.stages & kDifferentiate) {
    const ArrayView dHidden(info[3]);
    checkLength("hidden", (dHidden.present ? dHidden.length : kSmall) >= m * d);
    job.dHidden = dHidden.present ? dHidden.floats() : reinterpret_cast<float*>(held.numbers + kNumbers);
  }
  return job;
}

}  // namespace widehead::addon
