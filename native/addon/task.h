// Work on another thread, as a promise.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "addon/convert.h"

namespace widehead::addon {

class Task : public Napi::AsyncWorker {
 public:
  // `run` is called on a worker thread: no JavaScript there. `kept` stays alive until it has ended; what else it points to, it owns.
  // `result` makes of it what the promise is of, on the thread of JavaScript.
  static Napi::Promise start(
      Napi::Env env, std::function<void()> run, const std::vector<Napi::Object>& kept,
      std::function<Napi::Value(Napi::Env)> result = [](Napi::Env e) { return e.Undefined(); }) {
    auto* task = new Task(env, std::move(run), kept, std::move(result));  // deletes itself when done
    const Napi::Promise promise = task->deferred_.Promise();
    task->Queue();
    return promise;
  }

  void Execute() override {
    try {
      run_();
    } catch (...) {
      error_ = std::make_unique<Error>(typedError(std::current_exception()));
      SetError(error_->what());
    }
  }
  // On the main thread, one of the two.
  void OnOK() override { deferred_.Resolve(result_(Env())); }
  void OnError(const Napi::Error&) override { deferred_.Reject(toJs(Env(), *error_).Value()); }

 private:
  Task(Napi::Env env, std::function<void()> run, const std::vector<Napi::Object>& kept,
       std::function<Napi::Value(Napi::Env)> result)
      : Napi::AsyncWorker(env), run_(std::move(run)), result_(std::move(result)),
        deferred_(Napi::Promise::Deferred::New(env)) {
    for (const Napi::Object& object : kept) kept_.push_back(Napi::Persistent(object));
  }

  const std::function<void()> run_;
  const std::function<Napi::Value(Napi::Env)> result_;
  const Napi::Promise::Deferred deferred_;
  std::vector<Napi::ObjectReference> kept_;
  std::unique_ptr<Error> error_;
};

// The objects among the arguments of a call.
inline std::vector<Napi::Object> objectsOf(const Napi::CallbackInfo& info) {
  std::vector<Napi::Object> objects;
  for (size_t i = 0; i < info.Length(); i++) {
    if (info[i].IsObject() && !info[i].IsExternal()) objects.push_back(info[i].As<Napi::Object>());
  }
  return objects;
}

}  // namespace widehead::addon
