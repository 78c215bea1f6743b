// Heads and their passes. A call names the stages to run (score and loss, differentiate, apply), so that a step is one
// call, a custom loss can come between two, and the same job runs here or on a worker thread.

#include <functional>
#include <memory>
#include <vector>

#include "addon/convert.h"
#include "addon/head_spec.h"
#include "addon/index_wrap.h"
#include "addon/job.h"
#include "addon/snapshot.h"
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

class HeadWrap : public Napi::ObjectWrap<HeadWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
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

  explicit HeadWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<HeadWrap>(info) {
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
  void Finalize(Napi::Env env) override { release(env); }

 private:
  // (numbers, holder): the pass writes into numbers as long as it lives; its buffers may go to another once holder, the only
  // one that uses it, is forgotten.
  Napi::Value newPass(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      auto* made = new HeldPass(open_, info[0].As<Napi::Object>(), info[1].As<Napi::Object>());
      return PassHandle::New(info.Env(), made, [](Napi::Env env, HeldPass* old) {
        old->release(env);
        delete old;
      });
    });
  }

  Head& head() const { return open_->get(); }

  // The number of targets of a scored pass, duplicates merged.
  Napi::Value sizes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(pass(info[0]).targets.nnz()));
  }

  // Examples of a scored pass, those of other ranks among them.
  Napi::Value examples(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(pass(info[0]).m));
  }

  // (pass, { q, s, a, indptr, values, losses, loss }): fills those that are there; losses are this rank's own.
  void readLoss(const Napi::CallbackInfo& info) {
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
  void writeLoss(const Napi::CallbackInfo& info) {
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

  // (out, hidden, classes)
  void logits(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const ArrayView out(info[0]), hidden(info[1]), classes(info[2]);
      const size_t m = examplesOf(hidden, head().config().hiddenSize);
      checkLength("hidden or classes", out.length == m * classes.length);
      checkFinite("hidden", hidden.floats(), hidden.length);
      checkClasses(classes.ids(), classes.length, head().config().numClasses);
      head().logits(out.floats(), hidden.floats(), m, classes.ids(), classes.length);
    });
  }

  // (classes, logits, hidden, k, square, candidates): classes and logits are m * k; 0 candidates for the exact search
  std::function<void()> searchOf(const Napi::CallbackInfo& info) const {
    const ArrayView classes(info[0]), logits(info[1]), hidden(info[2]);
    const bool together = head().communicator() != nullptr;
    const size_t k = info[3].As<Napi::Number>().Uint32Value();
    const size_t m = examplesOf(hidden, head().config().hiddenSize, together ? 0 : 1);
    checkLength("hidden", logits.length == m * k && classes.length == m * k);
    if (!together) checkFinite("hidden", hidden.floats(), hidden.length);
    const size_t candidates = info[5].As<Napi::Number>().Uint32Value();
    const bool square = info[4].As<Napi::Boolean>().Value();
    auto* ids = static_cast<int32_t*>(classes.data);
    return [head = open_->head, ids, out = logits.floats(), in = hidden.floats(), m, k, square, candidates] {
      if (Communicator* comm = head->communicator()) {
        const std::lock_guard<std::mutex> turn(comm->turn());
        return topKTogether(*head, ids, out, in, m, k, square);
      }
      if (candidates > 0) return head->searchTopK(ids, out, in, m, k, candidates);
      head->topK(ids, out, in, m, k, square);
    };
  }
  void topK(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { searchOf(info)(); });
  }
  Napi::Value topKAsync(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return Task::start(info.Env(), searchOf(info), objectsOf(info)); });
  }

  // (out, classes): rows of W with their biases
  void rows(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const ArrayView out(info[0]), classes(info[1]);
      checkLength("classes", out.length == classes.length * head().features());
      checkClasses(classes.ids(), classes.length, head().config().numClasses);
      head().rows(out.floats(), classes.ids(), classes.length);
    });
  }

  // rows() and logits() of a head that several ranks hold: each asks for what it wants.
  Napi::Value rowsAsync(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const ArrayView out(info[0]), classes(info[1]);
      checkLength("classes", out.length == classes.length * head().features());
      return together(info, [out = out.floats(), ids = classes.ids(), n = classes.length](Head& head) {
        rowsTogether(head, out, ids, n);
      });
    });
  }
  Napi::Value logitsAsync(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const ArrayView out(info[0]), hidden(info[1]), classes(info[2]);
      const size_t m = examplesOf(hidden, head().config().hiddenSize, 0);
      checkLength("hidden or classes", out.length == m * classes.length);
      return together(info, [out = out.floats(), in = hidden.floats(), m, ids = classes.ids(),
                             n = classes.length](Head& head) { logitsTogether(head, out, in, m, ids, n); });
    });
  }

  // (what): resolves once all ranks are here, and whatever they had to do first is done
  Napi::Value meetAsync(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      head();
      return together(
          info, [what = std::string(info[0].As<Napi::String>())](Head& head) { meetAgain(head, {what.c_str()}); });
    });
  }

  // Runs what all ranks do together with the head, on another thread.
  Napi::Promise together(
      const Napi::CallbackInfo& info, std::function<void(Head&)> call,
      std::function<Napi::Value(Napi::Env)> result = [](Napi::Env env) { return env.Undefined(); }) {
    const auto run = [head = open_->head, call = std::move(call)] {
      std::unique_lock<std::mutex> turn;
      if (Communicator* comm = head->communicator()) turn = std::unique_lock<std::mutex>(comm->turn());
      call(*head);
    };
    return Task::start(info.Env(), run, objectsOf(info), std::move(result));
  }

  Napi::Value diagnostics(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      Napi::Object facts = Napi::Object::New(info.Env());
      for (const auto& [name, value] : head().diagnostics()) facts.Set(name, value);
      return facts;
    });
  }

  Napi::Value drift(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return driftToJs(info.Env(), exact().drift()); });
  }
  static Napi::Value driftToJs(Napi::Env env, const Drift& drift) {
    Napi::Object result = Napi::Object::New(env);
    result.Set("Q", drift.q);
    result.Set("wbar", drift.wbar);
    result.Set("inverse", drift.inverse);
    return result;
  }
  Napi::Value driftAsync(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      auto drift = std::make_shared<Drift>();
      exact();
      return together(
          info,
          [drift](Head& head) {
            meetAgain(head, {"drift"});
            *drift = static_cast<ExactHead&>(head).drift();
          },
          [drift](Napi::Env env) { return driftToJs(env, *drift); });
    });
  }
  Napi::Value refreshAsync(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      exact();
      return together(info, [](Head& head) {
        meetAgain(head, {"refresh"});
        static_cast<ExactHead&>(head).refresh();
      });
    });
  }
  Napi::Value catchUpAsync(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      exact();
      return together(info, [](Head& head) {
        meetAgain(head, {"catchUp"});
        static_cast<ExactHead&>(head).catchUp();
      });
    });
  }
  void refresh(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { exact().refresh(); });
  }
  void catchUp(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { exact().catchUp(); });
  }
  // (options): the handle of an index over the rows
  Napi::Value index(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return makeIndex(info.Env(), head(), info[0].As<Napi::Object>()); });
  }
  Napi::Value indexAsync(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      head();
      return makeIndexAsync(info.Env(), open_->head, info[0].As<Napi::Object>());
    });
  }
  void setPolicy(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { exact().setPolicy(readPolicy(info[0].As<Napi::Object>())); });
  }

  Napi::Value snapshot(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      head();
      return snapshotOf(info.Env(), open_->head);
    });
  }
  Napi::Value restore(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return restoring_.begin(info, head()); });
  }
  void fill(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      head();
      restoring_.fill(info);
    });
  }
  void fillRows(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      head();
      restoring_.fillRows(info);
    });
  }
  void restored(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      head().checkRestored();
      restoring_.end();
    });
  }

  // Of a head whose rows are a file: the name of what they are now
  Napi::Value beginGeneration(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return Napi::String::New(info.Env(), exact().file()->beginGeneration()); });
  }
  // A promise that they are on the disk as they were then, or as the journal tells
  Napi::Value flushRows(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const std::function<void()> flush = exact().file()->flush();
      return Task::start(info.Env(), [head = open_->head, flush] { flush(); }, {});
    });
  }
  // ([generation]): those that checkpoints still name; returns those that journals lead to
  Napi::Value keepJournals(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const Napi::Array list = info[0].As<Napi::Array>();
      std::vector<std::string> generations;
      for (uint32_t i = 0; i < list.Length(); i++) generations.push_back(list.Get(i).As<Napi::String>());
      const std::vector<std::string> left = exact().file()->keepJournals(generations);
      Napi::Array result = Napi::Array::New(info.Env(), left.size());
      for (uint32_t i = 0; i < left.size(); i++) result.Set(i, left[i]);
      return result;
    });
  }

  void close(const Napi::CallbackInfo& info) { release(info.Env()); }

  ExactHead& exact() const { return static_cast<ExactHead&>(head()); }  // the facade of no other head calls these

  void release(Napi::Env env) {
    open_->head.reset();
    // A forgotten pass waits for a garbage collection, and its scratch may be large.
    for (HeldPass* pass : open_->passes) pass->release(env);
    if (tracked_ != 0) Napi::MemoryManagement::AdjustExternalMemory(env, -tracked_);
    tracked_ = 0;
  }

  const std::shared_ptr<OpenHead> open_ = std::make_shared<OpenHead>();
  Restoring restoring_;
  int64_t tracked_ = 0;
};

}  // namespace

void registerHeads(Napi::Env env, Napi::Object exports) {
  exports.Set("Head", HeadWrap::define(env));
  exports.Set("run", Napi::Function::New<run>(env, "run"));
  exports.Set("runAsync", Napi::Function::New<runAsync>(env, "runAsync"));
}

}  // namespace widehead::addon
