// Fields of the plain objects in which the facade, which has checked them, hands options over.
#pragma once

#include <string>

#include "addon/convert.h"
#include "optim/optimizer.h"
#include "sampling/sampler.h"

namespace widehead::addon {

inline bool present(const Napi::Value& value) { return !value.IsUndefined() && !value.IsNull(); }

inline double number(const Napi::Object& object, const char* key) {
  return object.Get(key).As<Napi::Number>().DoubleValue();
}
inline size_t size(const Napi::Object& object, const char* key) { return static_cast<size_t>(number(object, key)); }
inline bool flag(const Napi::Object& object, const char* key) { return object.Get(key).As<Napi::Boolean>(); }
inline std::string text(const Napi::Object& object, const char* key) { return object.Get(key).As<Napi::String>(); }

// The numbers of a Float64Array; null if there is none.
inline const double* doublesOf(const Napi::Object& object, const char* key) {
  const Napi::Value field = object.Get(key);
  return present(field) ? field.As<Napi::Float64Array>().Data() : nullptr;
}

// The field `optimizer`, every field of it present.
inline OptimizerSettings optimizerOf(const Napi::Object& options) {
  const Napi::Object optimizer = options.Get("optimizer").As<Napi::Object>();
  return {text(optimizer, "kind"), flag(optimizer, "rowwise"), number(optimizer, "beta1"), number(optimizer, "beta2"),
          number(optimizer, "epsilon")};
}

// The fields `sampler`, `power` and `counts` (Float64Array or null).
inline SamplerSettings samplerOf(const Napi::Object& options) {
  SamplerSettings settings{text(options, "sampler"), number(options, "power"), {}};
  if (!present(options.Get("counts"))) return settings;
  const Napi::Float64Array counts = options.Get("counts").As<Napi::Float64Array>();
  settings.counts.assign(counts.Data(), counts.Data() + counts.ElementLength());
  return settings;
}

}  // namespace widehead::addon
