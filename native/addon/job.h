// One call on a head: the stages of a pass that it runs, here or on a worker thread.
#pragma once

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "addon/convert.h"
#include "heads/head.h"

namespace widehead::addon {

enum Stage { kScore = 1, kDifferentiate = 2, kApply = 4 };

// What one call does; everything it points to is kept alive by whoever runs it.
struct Job {
  std::shared_ptr<Head> head;
  std::shared_ptr<Pass> pass;
  LossFunction loss = nullptr;  // null: the loss is JavaScript's, or the head's own
  std::vector<double> parameters;
  uint32_t stages = 0;
  const float* hidden = nullptr;
  TargetsInput targets{};
  ApplyOptions options{};
  float* dHidden = nullptr;
  double* results = nullptr;  // loss, gradNorm

  void run() const {
    const size_t numClasses = head->config().numClasses;
    if (stages & kScore) {
      pass->assign(head->config(), hidden, targets);
      // A pass that ends with its scores is an evaluation, or waits for a loss of JavaScript's: to heads that take one,
      // the two are the same.
      stages == kScore ? head->evaluate(*pass) : head->score(*pass);
      if (loss != nullptr) pass->computeLoss(loss, parameters.data(), numClasses);
    }
    if (stages & kDifferentiate) {
      head->differentiate(*pass);
      checkFinite("dHidden", pass->dHidden.data(), pass->m * head->config().hiddenSize);
      std::copy_n(pass->dHidden.data(), pass->m * head->config().hiddenSize, dHidden);
    }
    if (stages & kApply) {
      if (pass->version != head->version()) {
        throw Error(ErrorKind::State, "WIDEHEAD_STALE",
                    "apply() works once, and only while the weights are those of its forward pass");
      }
      results[1] = head->apply(*pass, options);
    }
    results[0] = pass->loss;
  }
};

class JobWorker : public Napi::AsyncWorker {
 public:
  JobWorker(Napi::Env env, Job job, const Napi::CallbackInfo& keep)
      : Napi::AsyncWorker(env), job_(std::move(job)), deferred_(Napi::Promise::Deferred::New(env)) {
    for (size_t i = 0; i < keep.Length(); i++) {
      if (keep[i].IsObject()) kept_.push_back(Napi::Persistent(keep[i].As<Napi::Object>()));
    }
  }
  Napi::Promise promise() const { return deferred_.Promise(); }

  // On a worker thread: no JavaScript here.
  void Execute() override {
    try {
      job_.run();
    } catch (const Error& error) {
      error_ = std::make_unique<Error>(error);
      SetError(error.what());
    } catch (const std::exception& error) {
      error_ = std::make_unique<Error>(ErrorKind::Range, "WIDEHEAD_OUT_OF_MEMORY", "out of memory");
      SetError(error.what());
    }
  }
  // On the main thread, one of the two.
  void OnOK() override { deferred_.Resolve(Env().Undefined()); }
  void OnError(const Napi::Error&) override { deferred_.Reject(toJs(Env(), *error_).Value()); }

 private:
  Job job_;
  Napi::Promise::Deferred deferred_;
  std::vector<Napi::ObjectReference> kept_;
  std::unique_ptr<Error> error_;
};

}  // namespace widehead::addon
