// Heads and their passes. A call names the stages to run (score and loss, differentiate, apply), so that a step is one
// call, a custom loss can come between two, and the same job runs here or on a worker thread.

#include <memory>
#include <vector>

#include "addon/convert.h"
#include "addon/head_spec.h"
#include "addon/job.h"

namespace widehead::addon {

namespace {

// A pass as JavaScript holds it, with what the garbage collector was told that it weighs.
struct HeldPass {
  std::shared_ptr<Pass> pass;
  int64_t tracked = 0;
};

bool holdsSigned(const Napi::Value& array) {
  return array.IsTypedArray() && array.As<Napi::TypedArray>().TypedArrayType() == napi_int32_array;
}
class HeadWrap : public Napi::ObjectWrap<HeadWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "NativeHead",
                       {InstanceMethod<&HeadWrap::newPass>("newPass"), InstanceMethod<&HeadWrap::run>("run"),
                        InstanceMethod<&HeadWrap::runAsync>("runAsync"), InstanceMethod<&HeadWrap::sizes>("sizes"),
                        InstanceMethod<&HeadWrap::readLoss>("readLoss"), InstanceMethod<&HeadWrap::writeLoss>("writeLoss"),
                        InstanceMethod<&HeadWrap::logits>("logits"), InstanceMethod<&HeadWrap::topK>("topK"),
                        InstanceMethod<&HeadWrap::rows>("rows"), InstanceMethod<&HeadWrap::diagnostics>("diagnostics"),
                        InstanceMethod<&HeadWrap::drift>("drift"), InstanceMethod<&HeadWrap::refresh>("refresh"),
                        InstanceMethod<&HeadWrap::setPolicy>("setPolicy"), InstanceMethod<&HeadWrap::close>("close")});
  }

  explicit HeadWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<HeadWrap>(info) {
    guarded(info.Env(), [&] {
      const Napi::Object object = info[0].As<Napi::Object>();
      head_ = makeHead(readSpec(object));
      const Napi::Value name = object.Get("loss");
      if (!present(name)) return;
      const LossEntry* entry = findLoss(name.As<Napi::String>().Utf8Value());
      const Napi::Object values = object.Get("parameters").As<Napi::Object>();
      for (const std::string& parameter : entry->parameters) parameters_.push_back(number(values, parameter.c_str()));
      loss_ = entry->compute;
    });
    // Tells the garbage collector what a head weighs, so that forgotten ones are collected in time.
    tracked_ = static_cast<int64_t>(head_->bytes());
    Napi::MemoryManagement::AdjustExternalMemory(info.Env(), tracked_);
  }
  void Finalize(Napi::Env env) override { release(env); }

 private:
  Napi::Value newPass(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      return Napi::External<HeldPass>::New(info.Env(), new HeldPass{head().newPass()}, [](Napi::Env env, HeldPass* held) {
        Napi::MemoryManagement::AdjustExternalMemory(env, -held->tracked);
        delete held;
      });
    });
  }

  // The facade knows when a head is closed; this is for code of the caller's that closes it in the middle of a call.
  Head& head() const {
    if (head_ == nullptr) throw Error(ErrorKind::State, "WIDEHEAD_CLOSED", "the head is closed");
    return *head_;
  }

  // (stages, pass, results, dHidden, learningRate, weightDecay, clipNorm, hidden, m, indptr, indices, values)
  Job readJob(const Napi::CallbackInfo& info) const {
    head();
    Job job;
    job.head = head_;
    job.pass = held(info[1]).pass;
    job.loss = loss_;
    job.parameters = parameters_;
    job.stages = info[0].As<Napi::Number>().Uint32Value();
    job.results = info[2].As<Napi::Float64Array>().Data();
    if (job.stages & kDifferentiate) job.dHidden = floats(info[3]);
    if (job.stages & kApply) {
      job.options = {info[4].As<Napi::Number>().DoubleValue(), info[5].As<Napi::Number>().DoubleValue(),
                     info[6].As<Napi::Number>().DoubleValue()};
    }
    if (job.stages & kScore) {
      job.hidden = floats(info[7]);
      job.targets = {info[8].As<Napi::Number>().Uint32Value(), present(info[9]) ? ids(info[9]) : nullptr, ids(info[10]),
                     info[10].As<Napi::TypedArray>().ElementLength(), present(info[11]) ? floats(info[11]) : nullptr,
                     holdsSigned(info[9]), holdsSigned(info[10])};
    }
    return job;
  }

  void run(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { readJob(info).run(); });
    HeldPass& ran = held(info[1]);
    const int64_t bytes = static_cast<int64_t>(ran.pass->bytes());
    if (bytes != ran.tracked) Napi::MemoryManagement::AdjustExternalMemory(info.Env(), bytes - ran.tracked);
    ran.tracked = bytes;
  }

  Napi::Value runAsync(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      auto* worker = new JobWorker(info.Env(), readJob(info), info);  // deletes itself when done
      const Napi::Promise promise = worker->promise();
      worker->Queue();
      return promise;
    });
  }

  // The number of targets of a scored pass, duplicates merged.
  Napi::Value sizes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(pass(info[0]).targets.nnz()));
  }

  // (pass, { q, s, a, indptr, values, losses }): fills those that are there.
  void readLoss(const Napi::CallbackInfo& info) {
    const Pass& from = pass(info[0]);
    const Napi::Object to = info[1].As<Napi::Object>();
    const auto doubles = [&](const char* key, const Buffer<double>& source) {
      if (present(to.Get(key))) {
        Napi::Float64Array array = to.Get(key).As<Napi::Float64Array>();
        std::copy_n(source.data(), array.ElementLength(), array.Data());
      }
    };
    doubles("q", from.q);
    doubles("s", from.s);
    doubles("a", from.a);
    doubles("losses", from.losses);
    if (!present(to.Get("indptr"))) return;
    std::copy_n(from.targets.indptr(), from.m + 1, to.Get("indptr").As<Napi::Uint32Array>().Data());
    std::copy_n(from.targets.values(), from.targets.nnz(), floats(to.Get("values")));
  }

  // (pass, { losses, gq, gs, ga }): what a custom loss has filled in.
  void writeLoss(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      Pass& to = pass(info[0]);
      const Napi::Object from = info[1].As<Napi::Object>();
      const auto doubles = [&](const char* key, Buffer<double>& target, size_t count) {
        const Napi::Float64Array array = from.Get(key).As<Napi::Float64Array>();
        if (array.ElementLength() != count) {
          throw Error(ErrorKind::State, "WIDEHEAD_LOSS",
                      std::string("a custom loss must leave its arrays where they are, but ") + key + " was transferred away");
        }
        std::copy_n(array.Data(), count, target.data());
      };
      doubles("losses", to.losses, to.m);
      doubles("gq", to.gq, to.m);
      doubles("gs", to.gs, to.m);
      doubles("ga", to.ga, to.targets.nnz());
      to.finishLoss(head().config().numClasses);
    });
  }

  // (out, hidden, m, classes)
  void logits(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const size_t m = info[2].As<Napi::Number>().Uint32Value(), n = info[3].As<Napi::TypedArray>().ElementLength();
      checkFinite("hidden", floats(info[1]), m * head().config().hiddenSize);
      checkClasses(ids(info[3]), n, head().config().numClasses);
      head().logits(floats(info[0]), floats(info[1]), m, ids(info[3]), n);
    });
  }

  // (classes, logits, hidden, m, k, square)
  void topK(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const size_t m = info[3].As<Napi::Number>().Uint32Value(), k = info[4].As<Napi::Number>().Uint32Value();
      checkFinite("hidden", floats(info[2]), m * head().config().hiddenSize);
      head().topK(info[0].As<Napi::Int32Array>().Data(), floats(info[1]), floats(info[2]), m, k,
                  info[5].As<Napi::Boolean>().Value());
    });
  }

  // (out, classes): rows of W with their biases
  void rows(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const size_t n = info[1].As<Napi::TypedArray>().ElementLength();
      checkClasses(ids(info[1]), n, head().config().numClasses);
      head().rows(floats(info[0]), ids(info[1]), n);
    });
  }

  Napi::Value diagnostics(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      Napi::Object facts = Napi::Object::New(info.Env());
      for (const auto& [name, value] : head().diagnostics()) facts.Set(name, value);
      return facts;
    });
  }

  Napi::Value drift(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const Drift drift = exact().drift();
      Napi::Object result = Napi::Object::New(info.Env());
      result.Set("Q", drift.q);
      result.Set("wbar", drift.wbar);
      result.Set("inverse", drift.inverse);
      return result;
    });
  }
  void refresh(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { exact().refresh(); });
  }
  void setPolicy(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { exact().setPolicy(readPolicy(info[0].As<Napi::Object>())); });
  }

  void close(const Napi::CallbackInfo& info) { release(info.Env()); }

  static HeldPass& held(const Napi::Value& value) { return *value.As<Napi::External<HeldPass>>().Data(); }
  static Pass& pass(const Napi::Value& value) { return *held(value).pass; }
  ExactHead& exact() const { return static_cast<ExactHead&>(head()); }  // the facade of no other head calls these

  void release(Napi::Env env) {
    head_.reset();
    if (tracked_ != 0) Napi::MemoryManagement::AdjustExternalMemory(env, -tracked_);
    tracked_ = 0;
  }

  std::shared_ptr<Head> head_;
  LossFunction loss_ = nullptr;
  std::vector<double> parameters_;
  int64_t tracked_ = 0;
};

}  // namespace

void registerHeads(Napi::Env env, Napi::Object exports) { exports.Set("Head", HeadWrap::define(env)); }

}  // namespace widehead::addon
