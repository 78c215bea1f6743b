// The addon's one entry: every binding file adds its part.

#include "addon/communicator_wrap.h"
#include "addon/convert.h"
#include "addon/index_wrap.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  widehead::addon::registerRuntime(env, exports);
  widehead::addon::registerHeads(env, exports);
  widehead::addon::registerTrunk(env, exports);
  widehead::addon::registerCheckpoints(env, exports);
  widehead::addon::registerIndexes(env, exports);
  widehead::addon::registerCommunicators(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(widehead, init)
