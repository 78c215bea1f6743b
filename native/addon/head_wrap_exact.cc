// What only an exact head can do: how far it has drifted, and putting that right.

#include "addon/head_wrap.h"

#include <memory>

#include "addon/head_spec.h"

namespace widehead::addon {

namespace {

Napi::Value driftToJs(Napi::Env env, const Drift& drift) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("Q", drift.q);
  result.Set("wbar", drift.wbar);
  result.Set("inverse", drift.inverse);
  return result;
}

}  // namespace

Napi::Value HeadWrap::drift(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return driftToJs(info.Env(), exact().drift()); });
}

Napi::Value HeadWrap::driftAsync(const Napi::CallbackInfo& info) {
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

void HeadWrap::refresh(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] { exact().refresh(); });
}

Napi::Value HeadWrap::refreshAsync(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    exact();
    return together(info, [](Head& head) {
      meetAgain(head, {"refresh"});
      static_cast<ExactHead&>(head).refresh();
    });
  });
}

void HeadWrap::catchUp(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] { exact().catchUp(); });
}

Napi::Value HeadWrap::catchUpAsync(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    exact();
    return together(info, [](Head& head) {
      meetAgain(head, {"catchUp"});
      static_cast<ExactHead&>(head).catchUp();
    });
  });
}

void HeadWrap::setPolicy(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] { exact().setPolicy(readPolicy(info[0].As<Napi::Object>())); });
}

}  // namespace widehead::addon
