// Communicators: how lib/distributed/ gets one, watches it, and exchanges small things over it.

#include "addon/communicator_wrap.h"

#include <cstring>
#include <vector>

#include "addon/task.h"
#include "comm/meeting.h"
#include "comm/mpi_communicator.h"
#include "comm/thread_communicator.h"

namespace widehead::addon {

namespace {

Communicator& communicator(const Napi::Value& handle) { return **handle.As<CommunicatorHandle>().Data(); }

// { handle, rank, size }
Napi::Value handleOf(Napi::Env env, std::shared_ptr<Communicator> comm) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("rank", static_cast<double>(comm->rank()));
  object.Set("size", static_cast<double>(comm->size()));
  auto* held = new std::shared_ptr<Communicator>(std::move(comm));
  object.Set("handle",
             CommunicatorHandle::New(env, held, [](Napi::Env, std::shared_ptr<Communicator>* old) { delete old; }));
  return object;
}

Napi::Value mpiWorld(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return handleOf(info.Env(), MpiCommunicator::world()); });
}

void finalizeMpi(const Napi::CallbackInfo&) { MpiCommunicator::finalize(); }

// { variable, size }, or undefined where no launcher says anything
Napi::Value launcher(const Napi::CallbackInfo& info) {
  const Launcher found = findLauncher();
  if (found.variable == nullptr) return info.Env().Undefined();
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("variable", found.variable);
  object.Set("size", static_cast<double>(found.size));
  return object;
}

// (name, rank, size)
Napi::Value joinThreads(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const std::string name = info[0].As<Napi::String>();
    const size_t rank = info[1].As<Napi::Number>().Uint32Value(), size = info[2].As<Napi::Number>().Uint32Value();
    return handleOf(info.Env(), std::make_shared<ThreadCommunicator>(threadGroup(name, size), rank));
  });
}

// (handle): { seconds, ranks } that it is waiting for
Napi::Value waiting(const Napi::CallbackInfo& info) {
  const Communicator::Waiting now = communicator(info[0]).waiting();
  Napi::Object object = Napi::Object::New(info.Env());
  Napi::Array ranks = Napi::Array::New(info.Env(), now.ranks.size());
  for (uint32_t i = 0; i < now.ranks.size(); i++) ranks.Set(i, static_cast<double>(now.ranks[i]));
  object.Set("seconds", now.seconds);
  object.Set("ranks", ranks);
  return object;
}

void stopWaiting(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] { communicator(info[0]).stop(info[1].As<Napi::String>()); });
}
void abortJob(const Napi::CallbackInfo& info) { communicator(info[0]).abort(info[1].As<Napi::Number>().Int32Value()); }

Napi::Value traffic(const Napi::CallbackInfo& info) {
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("bytesSent", static_cast<double>(communicator(info[0]).bytesSent()));
  object.Set("exchanges", static_cast<double>(communicator(info[0]).exchanges()));
  return object;
}

// (handle, what, data): the bytes of all ranks, as an array of ArrayBuffers
Napi::Value gather(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const std::shared_ptr<Communicator> comm = *info[0].As<CommunicatorHandle>().Data();
    const std::string what = info[1].As<Napi::String>();
    const Napi::Uint8Array data = info[2].As<Napi::Uint8Array>();
    auto bytes = std::make_shared<std::vector<uint8_t>>(data.Data(), data.Data() + data.ByteLength());
    auto ends = std::make_shared<std::vector<size_t>>();
    const auto run = [comm, what, bytes, ends] {
      const std::lock_guard<std::mutex> turn(comm->turn());
      Call call;
      copyText(call.what, sizeof call.what, what);
      call.sizes[0] = bytes->size();
      for (const Call& other : meet(*comm, call)) ends->push_back((ends->empty() ? 0 : ends->back()) + other.sizes[0]);
      std::vector<uint8_t> all(ends->back());
      if (!bytes->empty())
        std::memcpy(all.data() + (*ends)[comm->rank()] - bytes->size(), bytes->data(), bytes->size());
      comm->allGather(all.data(), *ends);
      bytes->swap(all);
    };
    return Task::start(info.Env(), run, {}, [bytes, ends](Napi::Env env) -> Napi::Value {
      Napi::Array parts = Napi::Array::New(env, ends->size());
      for (uint32_t r = 0; r < ends->size(); r++) {
        const size_t begin = r == 0 ? 0 : (*ends)[r - 1];
        Napi::ArrayBuffer part = Napi::ArrayBuffer::New(env, (*ends)[r] - begin);
        if (part.ByteLength() > 0) std::memcpy(part.Data(), bytes->data() + begin, part.ByteLength());
        parts.Set(r, part);
      }
      return parts;
    });
  });
}

}  // namespace

void registerCommunicators(Napi::Env env, Napi::Object exports) {
  exports.Set("mpiWorld", Napi::Function::New<mpiWorld>(env, "mpiWorld"));
  exports.Set("finalizeMpi", Napi::Function::New<finalizeMpi>(env, "finalizeMpi"));
  exports.Set("launcher", Napi::Function::New<launcher>(env, "launcher"));
  exports.Set("joinThreads", Napi::Function::New<joinThreads>(env, "joinThreads"));
  exports.Set("waiting", Napi::Function::New<waiting>(env, "waiting"));
  exports.Set("stopWaiting", Napi::Function::New<stopWaiting>(env, "stopWaiting"));
  exports.Set("abortJob", Napi::Function::New<abortJob>(env, "abortJob"));
  exports.Set("traffic", Napi::Function::New<traffic>(env, "traffic"));
  exports.Set("gather", Napi::Function::New<gather>(env, "gather"));
}

}  // namespace widehead::addon
