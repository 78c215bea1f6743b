// A communicator as JavaScript holds it, and what options say of it.
#pragma once

#include <memory>
#include <string>

#include "addon/options.h"
#include "comm/meeting.h"
#include "kernels/kernels.h"

namespace widehead::addon {

using CommunicatorHandle = Napi::External<std::shared_ptr<Communicator>>;

// The field `comm` of options; null where there is none.
inline std::shared_ptr<Communicator> communicatorOf(const Napi::Object& options) {
  const Napi::Value handle = options.Get("comm");
  return present(handle) ? *handle.As<CommunicatorHandle>().Data() : nullptr;
}

// What must be the same on all ranks: the facade says it in words; other instructions give other last bits.
inline uint64_t recipeOf(const Napi::Object& object) {
  if (!present(object.Get("recipe"))) return 0;
  const std::string recipe = text(object, "recipe") + kernels().name;
  Digest digest;
  digest.add(recipe.data(), recipe.size());
  return digest.value();
}

void registerCommunicators(Napi::Env env, Napi::Object exports);

}  // namespace widehead::addon
