// The addon's one entry: every binding file adds its part.

#include "addon/convert.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  widehead::addon::registerRuntime(env, exports);
  widehead::addon::registerHeads(env, exports);
  widehead::addon::registerTrunk(env, exports);
  widehead::addon::registerCheckpoints(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(widehead, init)
