// State on its way between the core and files: what the wrappers of heads and trunks share.
//
// Out: snapshot() points at the state as it is; writeFiles() (checkpoint_wrap.cc) writes it. In: restore() puts the small arrays
// back and names the large ones, fill() puts pieces of those where they belong, restored() checks the whole.
#pragma once

#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "addon/convert.h"
#include "addon/options.h"
#include "base/archive.h"
#include "comm/shard.h"
#include "trunk/state.h"

namespace widehead::addon {

struct Snapshot {
  std::shared_ptr<void> owner;  // keeps the memory that is pointed to
  Saver saver;
};
using SnapshotHandle = Napi::External<Snapshot>;

inline Napi::Object tensorToJs(Napi::Env env, const ArchivedTensor& tensor) {
  Napi::Object object = Napi::Object::New(env);
  Napi::Array shape = Napi::Array::New(env, tensor.shape.size());
  for (uint32_t i = 0; i < tensor.shape.size(); i++) shape.Set(i, static_cast<double>(tensor.shape[i]));
  object.Set("name", tensor.name);
  object.Set("dtype", tensor.dtype);
  object.Set("shape", shape);
  object.Set("streamed", tensor.streamed);
  object.Set("replicated", tensor.replicated);
  return object;
}

inline Napi::Array tensorsToJs(Napi::Env env, const std::vector<ArchivedTensor>& tensors) {
  Napi::Array list = Napi::Array::New(env, tensors.size());
  for (uint32_t i = 0; i < tensors.size(); i++) list.Set(i, tensorToJs(env, tensors[i]));
  return list;
}

// { handle, tensors }
template <class Owner>
Napi::Value snapshotOf(Napi::Env env, std::shared_ptr<Owner> owner) {
  auto snapshot = std::make_unique<Snapshot>();
  owner->archive(snapshot->saver);
  snapshot->owner = std::move(owner);
  Napi::Object object = Napi::Object::New(env);
  object.Set("tensors", tensorsToJs(env, snapshot->saver.tensors()));
  object.Set("handle", SnapshotHandle::New(env, snapshot.release(), [](Napi::Env, Snapshot* old) { delete old; }));
  return object;
}

// The dtypes of the format as the core names them; one that is none of the core's matches nothing.
inline const char* knownDtype(const std::string& name) {
  for (const char* known :
       {dtypeOf<float>(), dtypeOf<double>(), dtypeOf<uint8_t>(), dtypeOf<uint32_t>(), dtypeOf<uint64_t>()}) {
    if (name == known) return known;
  }
  return "another";
}

class Restoring {
 public:
  // ([{ name, dtype, shape, data: Uint8Array }], relaid): small arrays, and whether the large ones were saved by another number of ranks;
  // returns what is to be filled.
  template <class Owner>
  Napi::Value begin(const Napi::CallbackInfo& info, Owner& owner) {
    std::vector<ArchivedTensor> given;
    const Napi::Array list = info[0].As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); i++) {
      const Napi::Object entry = list.Get(i).As<Napi::Object>();
      const ArrayView data(entry.Get("data"));
      ArchivedTensor tensor{text(entry, "name"), knownDtype(text(entry, "dtype")), {}, data.data, data.length, false};
      const Napi::Array shape = entry.Get("shape").As<Napi::Array>();
      for (uint32_t k = 0; k < shape.Length(); k++) {
        tensor.shape.push_back(static_cast<size_t>(shape.Get(k).As<Napi::Number>().DoubleValue()));
      }
      given.push_back(std::move(tensor));
    }
    Loader loader(std::move(given), info[1].ToBoolean());
    owner.archive(loader);
    targets_ = loader.streamed();
    return tensorsToJs(info.Env(), targets_);
  }

  // (number, offset, data): bytes of a large array from `offset` on. Pages of zeros are left as they are.
  void fill(const Napi::CallbackInfo& info) {
    const size_t index = info[0].As<Napi::Number>().Uint32Value();
    const size_t offset = static_cast<size_t>(info[1].As<Napi::Number>().DoubleValue());
    const ArrayView data(info[2]);
    checkLength("data", index < targets_.size() && offset <= targets_[index].bytes &&
                            data.length <= targets_[index].bytes - offset);
    copyChanged(static_cast<char*>(targets_[index].data) + offset, data.data, data.length);
  }

  // (number, row, data, fromRank, fromSize, rank, size): whole rows, from `row` on, as rank fromRank of fromSize saved them; those that are
  // this rank's find their places.
  void fillRows(const Napi::CallbackInfo& info) {
    const auto number = [&](size_t i) { return static_cast<size_t>(info[i].As<Napi::Number>().DoubleValue()); };
    const size_t index = number(0), first = number(1);
    const ArrayView data(info[2]);
    const Shard from{number(3), number(4)}, to{number(5), number(6)};
    checkLength("data", index < targets_.size());
    const ArchivedTensor& target = targets_[index];
    const size_t rows = target.shape[0], rowBytes = target.bytes / rows;
    checkLength("data", data.length % rowBytes == 0);
    for (size_t i = 0; i < data.length / rowBytes; i++) {
      const size_t id = from.classOf(first + i);
      if (id % to.size != to.rank || id / to.size >= rows) continue;
      copyChanged(static_cast<char*>(target.data) + id / to.size * rowBytes,
                  static_cast<const char*>(data.data) + i * rowBytes, rowBytes);
    }
  }

  void end() { targets_.clear(); }

 private:
  std::vector<ArchivedTensor> targets_;
};

}  // namespace widehead::addon
