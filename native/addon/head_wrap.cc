// Heads and their passes. A call names the stages to run (score and loss, differentiate, apply), so that a step is one
// call, a custom loss can come between two, and the same job runs here or on a worker thread.

#include "addon/head_wrap.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "addon/convert.h"
#include "addon/head_spec.h"
#include "addon/task.h"

namespace widehead::addon {

namespace {

using PassHandle = Napi::External<HeldPass>;

HeldPass& held(const Napi::Value& value) { return *value.As<PassHandle>().Data(); }
Pass& pass(const Napi::Value& value) { return *held(value).pass; }

// A plain function of the pass and no method of the head: finding the native side of an object costs more than the call.
void run(const Napi::CallbackInfo& info) {
  HeldPass& own = held(info[0]);
  guarded(info.Env(), [&] { readJob(info, own).run(); });
  const int64_t bytes = static_cast<int64_t>(own.pass->bytes());
  if (bytes != own.tracked) Napi::MemoryManagement::AdjustExternalMemory(info.Env(), bytes - own.tracked);
  own.tracked = bytes;
}

Napi::Value runAsync(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    HeldPass& own = held(info[0]);
    const Job job = readJob(info, own);
    std::vector<Napi::Object> kept = objectsOf(info);
    kept.push_back(own.keepsNumbers.Value());
    return Task::start(
        info.Env(), [job, owner = own.owner, head = own.owner->head, pass = own.pass] { job.run(); }, kept);
  });
}

}  // namespace

Napi::Function HeadWrap::define(Napi::Env env) {
  return DefineClass(env, "NativeHead",
                     {InstanceMethod<&HeadWrap::newPass>("newPass"),
                      InstanceMethod<&HeadWrap::sizes>("sizes"),
                      InstanceMethod<&HeadWrap::examples>("examples"),
                      InstanceMethod<&HeadWrap::rowsAsync>("rowsAsync"),
                      InstanceMethod<&HeadWrap::logitsAsync>("logitsAsync"),
                      InstanceMethod<&HeadWrap::driftAsync>("driftAsync"),
                      InstanceMethod<&HeadWrap::refreshAsync>("refreshAsync"),
                      InstanceMethod<&HeadWrap::catchUpAsync>("catchUpAsync"),
                      InstanceMethod<&HeadWrap::readLoss>("readLoss"),
                      InstanceMethod<&HeadWrap::writeLoss>("writeLoss"),
                      InstanceMethod<&HeadWrap::logits>("logits"),
                      InstanceMethod<&HeadWrap::topK>("topK"),
                      InstanceMethod<&HeadWrap::topKAsync>("topKAsync"),
                      InstanceMethod<&HeadWrap::rows>("rows"),
                      InstanceMethod<&HeadWrap::diagnostics>("diagnostics"),
                      InstanceMethod<&HeadWrap::drift>("drift"),
                      InstanceMethod<&HeadWrap::refresh>("refresh"),
                      InstanceMethod<&HeadWrap::setPolicy>("setPolicy"),
                      InstanceMethod<&HeadWrap::snapshot>("snapshot"),
                      InstanceMethod<&HeadWrap::restore>("restore"),
                      InstanceMethod<&HeadWrap::fill>("fill"),
                      InstanceMethod<&HeadWrap::fillRows>("fillRows"),
                      InstanceMethod<&HeadWrap::meetAsync>("meetAsync"),
                      InstanceMethod<&HeadWrap::beginGeneration>("beginGeneration"),
                      InstanceMethod<&HeadWrap::flushRows>("flushRows"),
                      InstanceMethod<&HeadWrap::keepJournals>("keepJournals"),
                      InstanceMethod<&HeadWrap::restored>("restored"),
                      InstanceMethod<&HeadWrap::catchUp>("catchUp"),
                      InstanceMethod<&HeadWrap::index>("index"),
                      InstanceMethod<&HeadWrap::indexAsync>("indexAsync"),
                      InstanceMethod<&HeadWrap::close>("close")});
}

HeadWrap::HeadWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<HeadWrap>(info) {
  guarded(info.Env(), [&] {
    const Napi::Object object = info[0].As<Napi::Object>();
    open_->head = makeHead(readSpec(object));
    const Napi::Value name = object.Get("loss");
    if (!present(name)) return;
    const LossEntry* entry = findLoss(name.As<Napi::String>().Utf8Value());
    const Napi::Object values = object.Get("parameters").As<Napi::Object>();
    for (const std::string& parameter : entry->parameters)
      open_->parameters.push_back(number(values, parameter.c_str()));
    open_->loss = entry->compute;
  });
  // Tells the garbage collector what a head weighs, so that forgotten ones are collected in time.
  tracked_ = static_cast<int64_t>(open_->head->bytes());
  Napi::MemoryManagement::AdjustExternalMemory(info.Env(), tracked_);
}

// (numbers, holder): the pass writes into numbers as long as it lives; its buffers may go to another once holder, the only
// one that uses it, is forgotten.
Napi::Value HeadWrap::newPass(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    auto* made = new HeldPass(open_, info[0].As<Napi::Object>(), info[1].As<Napi::Object>());
    return PassHandle::New(info.Env(), made, [](Napi::Env env, HeldPass* old) {
      old->release(env);
      delete old;
    });
  });
}

// The number of targets of a scored pass, duplicates merged.
Napi::Value HeadWrap::sizes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(pass(info[0]).targets.nnz()));
}

// Examples of a scored pass, those of other ranks among them.
Napi::Value HeadWrap::examples(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(pass(info[0]).m));
}

// (pass, { q, s, a, indptr, values, losses, loss }): fills those that are there; losses are this rank's own.
void HeadWrap::readLoss(const Napi::CallbackInfo& info) {
  const Pass& from = pass(info[0]);
  const Napi::Object to = info[1].As<Napi::Object>();
  const auto doubles = [&](const char* key, const Buffer<double>& source) {
    const ArrayView array(to.Get(key));
    if (array.present) std::copy_n(source.data(), array.length, static_cast<double*>(array.data));
  };
  doubles("q", from.q);
  doubles("s", from.s);
  doubles("a", from.a);
  const ArrayView losses(to.Get("losses")), loss(to.Get("loss"));
  if (losses.present) std::copy_n(&from.losses[from.ownBegin], losses.length, static_cast<double*>(losses.data));
  if (loss.present) *static_cast<double*>(loss.data) = from.loss;
  const ArrayView indptr(to.Get("indptr"));
  if (!indptr.present) return;
  std::copy_n(from.targets.indptr(), from.m + 1, static_cast<uint32_t*>(indptr.data));
  std::copy_n(from.targets.values(), from.targets.nnz(), floats(to.Get("values")));
}

// (pass, { losses, gq, gs, ga }): what a custom loss has filled in.
void HeadWrap::writeLoss(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    Pass& to = pass(info[0]);
    const Napi::Object from = info[1].As<Napi::Object>();
    const auto doubles = [&](const char* key, Buffer<double>& target, size_t count) {
      const ArrayView array(from.Get(key));
      if (array.length != count) {
        throw Error(
            ErrorKind::State, "WIDEHEAD_LOSS",
            std::string("a custom loss must leave its arrays where they are, but ") + key + " was transferred away");
      }
      std::copy_n(static_cast<const double*>(array.data), count, target.data());
    };
    doubles("losses", to.losses, to.m);
    doubles("gq", to.gq, to.m);
    doubles("gs", to.gs, to.m);
    doubles("ga", to.ga, to.targets.nnz());
    to.finishLoss(head().config().numClasses);
  });
}

// (what): resolves once all ranks are here, and whatever they had to do first is done
Napi::Value HeadWrap::meetAsync(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    head();
    return together(info,
                    [what = std::string(info[0].As<Napi::String>())](Head& head) { meetAgain(head, {what.c_str()}); });
  });
}

Napi::Promise HeadWrap::together(const Napi::CallbackInfo& info, std::function<void(Head&)> call,
                                 std::function<Napi::Value(Napi::Env)> result) {
  const auto run = [head = open_->head, call = std::move(call)] {
    std::unique_lock<std::mutex> turn;
    if (Communicator* comm = head->communicator()) turn = std::unique_lock<std::mutex>(comm->turn());
    call(*head);
  };
  return Task::start(info.Env(), run, objectsOf(info), std::move(result));
}

void HeadWrap::close(const Napi::CallbackInfo& info) { release(info.Env()); }

void HeadWrap::release(Napi::Env env) {
  open_->head.reset();
  // A forgotten pass waits for a garbage collection, and its scratch may be large.
  for (HeldPass* pass : open_->passes) pass->release(env);
  if (tracked_ != 0) Napi::MemoryManagement::AdjustExternalMemory(env, -tracked_);
  tracked_ = 0;
}

void registerHeads(Napi::Env env, Napi::Object exports) {
  exports.Set("Head", HeadWrap::define(env));
  exports.Set("run", Napi::Function::New<run>(env, "run"));
  exports.Set("runAsync", Napi::Function::New<runAsync>(env, "runAsync"));
}

}  // namespace widehead::addon
