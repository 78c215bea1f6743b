// Instruction set and threads of the process.

#include "addon/convert.h"
#include "base/pool.h"
#include "kernels/kernels.h"
#include "losses/loss.h"

namespace widehead::addon {

namespace {

Napi::Array names(Napi::Env env) {
  Napi::Array list = Napi::Array::New(env);
  for (const char* const* name = supportedIsas(); *name != nullptr; name++) list.Set(list.Length(), *name);
  return list;
}

Napi::Value isa(const Napi::CallbackInfo& info) {
  // A wrong WIDEHEAD_ISA is an error and not a silent fallback: who forces a name wants to know which code ran.
  return guarded(info.Env(), [&] {
    if (const char* wrong = isaRequestError()) {
      std::string message = std::string("WIDEHEAD_ISA must name an instruction set of this CPU, one of");
      for (const char* const* name = supportedIsas(); *name != nullptr; name++) message += std::string(" ") + *name;
      throw Error(ErrorKind::Range, "WIDEHEAD_ISA", message + ", got \"" + wrong + "\"");
    }
    return Napi::String::New(info.Env(), kernels().name);
  });
}

Napi::Value supported(const Napi::CallbackInfo& info) { return names(info.Env()); }

Napi::Value getThreads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(threads()));
}

void changeThreads(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] { setThreads(info[0].As<Napi::Number>().Uint32Value()); });
}

// The registry of losses, for the test that compares it with the TypeScript union.
Napi::Value lossNames(const Napi::CallbackInfo& info) {
  Napi::Object all = Napi::Object::New(info.Env());
  for (const LossEntry& entry : losses()) {
    Napi::Array parameters = Napi::Array::New(info.Env());
    for (const std::string& name : entry.parameters) parameters.Set(parameters.Length(), name);
    all.Set(entry.name, parameters);
  }
  return all;
}

}  // namespace

void registerRuntime(Napi::Env env, Napi::Object exports) {
  exports.Set("isa", Napi::Function::New(env, isa));
  exports.Set("supportedIsas", Napi::Function::New(env, supported));
  exports.Set("threads", Napi::Function::New(env, getThreads));
  exports.Set("setThreads", Napi::Function::New(env, changeThreads));
  exports.Set("losses", Napi::Function::New(env, lossNames));
}

}  // namespace widehead::addon
