// Files written from the memory of heads and trunks: by a copy of the process while the caller goes on, or by a worker thread while
// it waits.

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "addon/snapshot.h"
#include "addon/task.h"
#include "base/disk_file.h"
#include "checkpoint/file_plan.h"
#include "checkpoint/forked_writer.h"

namespace widehead::addon {

namespace {

// The processes that write for a thread of JavaScript. They end with it: nobody would wait for them, and who is not waited for stays
// in the system's table.
using Writers = std::set<int64_t>;

Writers& writersOf(const Napi::CallbackInfo& info) { return *static_cast<Writers*>(info.Data()); }

void endWriters(Writers* writers) {
  for (const int64_t process : *writers) endWriter(process);
  delete writers;
}

// [{ path, header, checksums, parts: [[snapshot's handle, number of the tensor], ...] }]
std::vector<FilePlan> readPlans(const Napi::Array& list) {
  std::vector<FilePlan> plans;
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Object object = list.Get(i).As<Napi::Object>();
    const ArrayView header(object.Get("header"));
    const auto* bytes = static_cast<const uint8_t*>(header.data);
    FilePlan plan{text(object, "path"), {bytes, bytes + header.length}, size(object, "checksums"), {}};
    const Napi::Array parts = object.Get("parts").As<Napi::Array>();
    for (uint32_t k = 0; k < parts.Length(); k++) {
      const Napi::Array part = parts.Get(k).As<Napi::Array>();
      const SnapshotHandle handle = part.Get(0u).As<SnapshotHandle>();
      const ArchivedTensor& tensor = handle.Data()->saver.tensors()[part.Get(1u).As<Napi::Number>().Uint32Value()];
      plan.parts.push_back({tensor.data, tensor.bytes});
    }
    checkLength("header", plan.checksums + 8 * (plan.parts.size() + 1) <= plan.header.size());
    plans.push_back(std::move(plan));
  }
  return plans;
}

// (files): a promise of the number of the system's error, 0 for none
Napi::Value writeFiles(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    auto plans = std::make_shared<std::vector<FilePlan>>(readPlans(info[0].As<Napi::Array>()));
    auto fault = std::make_shared<int>(0);
    const auto write = [plans, fault] {
      for (FilePlan& plan : *plans) {
        *fault = writeFile(plan, [](void*) { return true; }, nullptr);
        if (*fault != 0) return;
      }
    };
    // The list keeps the snapshots that the plans point into.
    return Task::start(info.Env(), write, objectsOf(info),
                       [fault](Napi::Env env) -> Napi::Value { return Napi::Number::New(env, *fault); });
  });
}

// (files): the process that writes them from here on, or 0 where there is none
Napi::Value forkFiles(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    std::vector<FilePlan> plans = readPlans(info[0].As<Napi::Array>());
    const int64_t process = forkWriter(plans);
    if (process > 0) writersOf(info).insert(process);
    return Napi::Number::New(info.Env(), static_cast<double>(process));
  });
}

// (process): undefined while it runs, then the number of the system's error, 0 for none, -1 if it was killed
Napi::Value pollWriter(const Napi::CallbackInfo& info) {
  const int64_t process = info[0].As<Napi::Number>().Int64Value();
  const WriterState state = widehead::pollWriter(process);
  if (state.running) return info.Env().Undefined();
  writersOf(info).erase(process);
  return Napi::Number::New(info.Env(), state.fault);
}

// (handle)
void releaseSnapshot(const Napi::CallbackInfo& info) { *info[0].As<SnapshotHandle>().Data() = Snapshot(); }

// (path)
void removeUnlocked(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    DiskFile file(info[0].As<Napi::String>(), DiskFile::Mode::Change);
    file.lock(false);
    removeFile(file.path());
  });
}

}  // namespace

void registerCheckpoints(Napi::Env env, Napi::Object exports) {
  auto* writers = new Writers;
  env.AddCleanupHook(endWriters, writers);
  exports.Set("writeFiles", Napi::Function::New<writeFiles>(env, "writeFiles"));
  exports.Set("forkFiles", Napi::Function::New<forkFiles>(env, "forkFiles", writers));
  exports.Set("releaseSnapshot", Napi::Function::New<releaseSnapshot>(env, "releaseSnapshot"));
  exports.Set("removeUnlocked", Napi::Function::New<removeUnlocked>(env, "removeUnlocked"));
  exports.Set("pollWriter", Napi::Function::New<pollWriter>(env, "pollWriter", writers));
}

}  // namespace widehead::addon
