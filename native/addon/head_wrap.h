// A head as JavaScript holds it. Its methods lie in several files, each with what one kind of call needs.
#pragma once

#include <functional>
#include <memory>

#include "addon/job.h"
#include "addon/snapshot.h"
#include "heads/exact_head.h"

namespace widehead::addon {

class HeadWrap : public Napi::ObjectWrap<HeadWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit HeadWrap(const Napi::CallbackInfo& info);
  void Finalize(Napi::Env env) override { release(env); }

 private:
  // head_wrap.cc
  Napi::Value newPass(const Napi::CallbackInfo& info);
  Napi::Value sizes(const Napi::CallbackInfo& info);
  Napi::Value examples(const Napi::CallbackInfo& info);
  void readLoss(const Napi::CallbackInfo& info);
  void writeLoss(const Napi::CallbackInfo& info);
  Napi::Value meetAsync(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  // head_wrap_queries.cc
  void logits(const Napi::CallbackInfo& info);
  void topK(const Napi::CallbackInfo& info);
  Napi::Value topKAsync(const Napi::CallbackInfo& info);
  void rows(const Napi::CallbackInfo& info);
  Napi::Value rowsAsync(const Napi::CallbackInfo& info);
  Napi::Value logitsAsync(const Napi::CallbackInfo& info);
  Napi::Value index(const Napi::CallbackInfo& info);
  Napi::Value indexAsync(const Napi::CallbackInfo& info);
  Napi::Value diagnostics(const Napi::CallbackInfo& info);
  std::function<void()> searchOf(const Napi::CallbackInfo& info) const;

  // head_wrap_exact.cc
  Napi::Value drift(const Napi::CallbackInfo& info);
  Napi::Value driftAsync(const Napi::CallbackInfo& info);
  void refresh(const Napi::CallbackInfo& info);
  Napi::Value refreshAsync(const Napi::CallbackInfo& info);
  void catchUp(const Napi::CallbackInfo& info);
  Napi::Value catchUpAsync(const Napi::CallbackInfo& info);
  void setPolicy(const Napi::CallbackInfo& info);

  // head_wrap_state.cc
  Napi::Value snapshot(const Napi::CallbackInfo& info);
  Napi::Value restore(const Napi::CallbackInfo& info);
  void fill(const Napi::CallbackInfo& info);
  void fillRows(const Napi::CallbackInfo& info);
  void restored(const Napi::CallbackInfo& info);
  Napi::Value beginGeneration(const Napi::CallbackInfo& info);
  Napi::Value flushRows(const Napi::CallbackInfo& info);
  Napi::Value keepJournals(const Napi::CallbackInfo& info);

  Head& head() const { return open_->get(); }
  ExactHead& exact() const { return static_cast<ExactHead&>(head()); }  // the facade of no other head calls these

  // Runs what all ranks do together with the head, on another thread.
  Napi::Promise together(
      const Napi::CallbackInfo& info, std::function<void(Head&)> call,
      std::function<Napi::Value(Napi::Env)> result = [](Napi::Env env) { return env.Undefined(); });
  void release(Napi::Env env);

  const std::shared_ptr<OpenHead> open_ = std::make_shared<OpenHead>();
  Restoring restoring_;
  int64_t tracked_ = 0;
};

}  // namespace widehead::addon
