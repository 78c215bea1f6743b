// What every binding file shares: errors on their way to JavaScript, typed arrays on their way in.
// Types and lengths were checked by the TypeScript facade; contents are checked by the core.
#pragma once

#include <napi.h>

#include <cstdint>
#include <exception>
#include <string>

#include "base/error.h"
#include "base/typed_error.h"

namespace widehead::addon {

inline Napi::Error toJs(Napi::Env env, const Error& error) {
  Napi::Value raised;
  if (error.kind == ErrorKind::Range) {
    raised = Napi::RangeError::New(env, error.what()).Value();
  } else {
    raised = Napi::Error::New(env, error.what()).Value();
  }
  raised.As<Napi::Object>().Set("code", error.code);
  return Napi::Error(env, raised);
}

// Runs body; an exception leaves as the JavaScript error it stands for. Any other would end the process.
template <class Body>
auto guarded(Napi::Env env, Body&& body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw toJs(env, typedError(std::current_exception()));
  }
}

// A typed array as one question to Node tells it; each further question would cost as much again. Absent where the value is
// no typed array; empty where its buffer was transferred away.
struct ArrayView {
  bool present = false;
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;

  explicit ArrayView(const Napi::Value& value) {
    napi_value buffer;
    size_t offset;
    present = napi_get_typedarray_info(value.Env(), value, &type, &length, &data, &buffer, &offset) == napi_ok;
  }
  float* floats() const { return static_cast<float*>(data); }
  // Int32Array or Uint32Array alike: a negative id becomes a huge one and fails the range check of the core.
  const uint32_t* ids() const { return static_cast<const uint32_t*>(data); }
  bool holdsSigned() const { return type == napi_int32_array; }
};

inline float* floats(const Napi::Value& value) { return ArrayView(value).floats(); }
inline const uint32_t* ids(const Napi::Value& value) { return ArrayView(value).ids(); }

// The facade has checked the lengths; an array that lies about its length to JavaScript must still not be read past its end.
inline void checkLength(const char* name, bool fits) {
  if (!fits)
    throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE", std::string(name) + " changed its length during the call");
}

// Each binding file adds its classes or functions to the module.
void registerRuntime(Napi::Env env, Napi::Object exports);
void registerHeads(Napi::Env env, Napi::Object exports);
void registerTrunk(Napi::Env env, Napi::Object exports);
void registerCheckpoints(Napi::Env env, Napi::Object exports);

}  // namespace widehead::addon
