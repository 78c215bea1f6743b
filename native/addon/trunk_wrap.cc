// The JavaScript class of a trunk. lib/trunk.ts is its only user and has checked types and lengths.

#include <napi.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "addon/communicator_wrap.h"
#include "addon/convert.h"
#include "addon/options.h"
#include "addon/snapshot.h"
#include "addon/task.h"
#include "trunk/state.h"
#include "trunk/trunk.h"

namespace widehead::addon {
namespace {

TrunkSettings trunkSettings(const Napi::Object& options) {
  TrunkSettings settings;
  settings.vocabularySize = size(options, "vocabularySize");
  settings.embeddingSize = size(options, "embeddingSize");
  settings.slots = size(options, "slots");
  settings.combine = text(options, "combine");
  const Napi::Array layers = options.Get("layers").As<Napi::Array>();
  for (uint32_t k = 0; k < layers.Length(); ++k) {
    const Napi::Object layer = layers.Get(k).As<Napi::Object>();
    settings.layers.push_back({size(layer, "size"), text(layer, "activation")});
  }
  settings.optimizer = optimizerOf(options);
  settings.clipNorm = number(options, "clipNorm");
  settings.embeddingScale = number(options, "embeddingScale");
  settings.seed = static_cast<uint64_t>(number(options, "seed"));
  settings.comm = communicatorOf(options);
  settings.recipe = settings.comm == nullptr ? 0 : recipeOf(options);
  return settings;
}

// (indptr, indices, values or undefined) from argument `first` on.
Bags bagsOf(const Napi::CallbackInfo& info, size_t first) {
  Bags bags;
  bags.indptr = ids(info[first]);
  bags.count = info[first].As<Napi::TypedArray>().ElementLength() - 1;
  bags.indices = ids(info[first + 1]);
  bags.entries = info[first + 1].As<Napi::TypedArray>().ElementLength();
  bags.values = info[first + 2].IsUndefined() ? nullptr : floats(info[first + 2]);
  return bags;
}

struct Bytes {
  char* data;
  size_t size;
};

// Of a Float32Array or Uint32Array.
Bytes bytesOf(const Napi::Value& value) {
  const Napi::TypedArray array = value.As<Napi::TypedArray>();
  return {static_cast<char*>(array.ArrayBuffer().Data()) + array.ByteOffset(), array.ByteLength()};
}

class TrunkWrap : public Napi::ObjectWrap<TrunkWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Trunk",
                       {
                           InstanceMethod<&TrunkWrap::forward>("forward"),
                           InstanceMethod<&TrunkWrap::evaluate>("evaluate"),
                           InstanceMethod<&TrunkWrap::backward>("backward"),
                           InstanceMethod<&TrunkWrap::backwardAsync>("backwardAsync"),
                           InstanceMethod<&TrunkWrap::state>("state"),
                           InstanceMethod<&TrunkWrap::read>("read"),
                           InstanceMethod<&TrunkWrap::check>("check"),
                           InstanceMethod<&TrunkWrap::write>("write"),
                           InstanceMethod<&TrunkWrap::snapshot>("snapshot"),
                           InstanceMethod<&TrunkWrap::restore>("restore"),
                           InstanceMethod<&TrunkWrap::fill>("fill"),
                           InstanceMethod<&TrunkWrap::fillRows>("fillRows"),
                           InstanceMethod<&TrunkWrap::restored>("restored"),
                           InstanceMethod<&TrunkWrap::close>("close"),
                       });
  }

  explicit TrunkWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    guarded(info.Env(), [&] {
      trunk_ = std::make_shared<Trunk>(trunkSettings(info[0].As<Napi::Object>()));
      for (size_t k = 0; k < trunk_->parameterCount(); ++k) {
        const MatrixF matrix = trunk_->parameter(k);
        tensors_.push_back({k, {"", StateArray::Kind::Signed, false, matrix.rows * matrix.cols, matrix.data}});
      }
      for (size_t k = 0; k < trunk_->parameterCount(); ++k)
        for (const StateArray& array : trunk_->optimizer(k).state()) tensors_.push_back({k, array});
    });
    // The collector sees a small object; told of the table behind it, it will not wait for ever to free it.
    Napi::MemoryManagement::AdjustExternalMemory(info.Env(), static_cast<int64_t>(trunk_->bytes()));
  }

  void Finalize(Napi::BasicEnv env) override { release(env); }

 private:
  // forward(hidden, indptr, indices, values)
  void forward(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { trunk().forward(floats(info[0]), bagsOf(info, 1)); });
  }

  // evaluate(hidden, indptr, indices, values)
  void evaluate(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { trunk().evaluate(floats(info[0]), bagsOf(info, 1)); });
  }

  // backward(dHidden, learningRate): gradNorm
  Napi::Value backward(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const Napi::Float32Array dHidden = info[0].As<Napi::Float32Array>();
      const double learningRate = info[1].As<Napi::Number>();
      return Napi::Number::New(info.Env(), trunk().backward(dHidden.Data(), dHidden.ElementLength(), learningRate));
    });
  }

  // backwardAsync(dHidden, learningRate): gradNorm, on another thread
  Napi::Value backwardAsync(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      const ArrayView dHidden(info[0]);
      const double learningRate = info[1].As<Napi::Number>();
      trunk();
      auto norm = std::make_shared<double>(0);
      const auto run = [trunk = trunk_, in = dHidden.floats(), count = dHidden.length, learningRate, norm] {
        std::unique_lock<std::mutex> turn;
        if (Communicator* comm = trunk->communicator()) turn = std::unique_lock<std::mutex>(comm->turn());
        *norm = trunk->backward(in, count, learningRate);
      };
      return Task::start(info.Env(), run, objectsOf(info),
                         [norm](Napi::Env env) { return Napi::Number::New(env, *norm); });
    });
  }

  // state(): { parameter, name, perRow, type } for each array of the optimisers' state. Tensors have numbers: those of the
  // parameters, then these.
  Napi::Value state(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const size_t parameters = trunk().parameterCount();
      Napi::Array list = Napi::Array::New(info.Env(), tensors_.size() - parameters);
      for (size_t i = parameters; i < tensors_.size(); ++i) {
        const StateArray& array = tensors_[i].array;
        Napi::Object entry = Napi::Object::New(info.Env());
        entry.Set("parameter", static_cast<double>(tensors_[i].parameter));
        entry.Set("name", array.name);
        entry.Set("perRow", array.perRow);
        entry.Set("type", array.kind == StateArray::Kind::Count ? "uint32" : "float32");
        list.Set(static_cast<uint32_t>(i - parameters), entry);
      }
      return list;
    });
  }

  // read(out, tensor, offset): out becomes the tensor's elements from offset on.
  void read(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const Bytes out = bytesOf(info[0]);
      std::memcpy(out.data, elements(info), out.size);
    });
  }

  // check(name, data, tensor): throws unless the tensor may hold every value.
  void check(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const std::string name = info[0].As<Napi::String>();
      const Bytes data = bytesOf(info[1]);
      checkState(name.c_str(), tensor(info[2]).kind, data.data, data.size / 4);
    });
  }

  // write(data, tensor, offset): the tensor's elements from offset on become data, which was checked.
  void write(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const Bytes data = bytesOf(info[0]);
      copyChanged(elements(info), data.data, data.size);
      trunk().forgetForward();
    });
  }

  Napi::Value snapshot(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      trunk();
      return snapshotOf(info.Env(), trunk_);
    });
  }
  Napi::Value restore(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return restoring_.begin(info, trunk()); });
  }
  void fill(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      trunk();
      restoring_.fill(info);
    });
  }
  void fillRows(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      trunk();
      restoring_.fillRows(info);
    });
  }
  void restored(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      trunk().forgetForward();
      restoring_.end();
    });
  }

  void close(const Napi::CallbackInfo& info) { release(info.Env()); }

  Trunk& trunk() const {
    if (!trunk_) throw Error(ErrorKind::State, "WIDEHEAD_CLOSED", "the trunk is closed");
    return *trunk_;
  }

  const StateArray& tensor(const Napi::Value& number) const {
    trunk();
    return tensors_[number.As<Napi::Number>().Uint32Value()].array;
  }

  char* elements(const Napi::CallbackInfo& info) const {
    const size_t offset = static_cast<size_t>(info[2].As<Napi::Number>().DoubleValue());
    return static_cast<char*>(tensor(info[1]).data) + 4 * offset;
  }

  void release(Napi::BasicEnv env) {
    if (!trunk_) return;
    Napi::MemoryManagement::AdjustExternalMemory(env, -static_cast<int64_t>(trunk_->bytes()));
    trunk_.reset();
  }

  // A parameter, which counts as an array of signed numbers, or state of its optimiser.
  struct Tensor {
    size_t parameter;
    StateArray array;
  };

  std::shared_ptr<Trunk> trunk_;
  Restoring restoring_;
  std::vector<Tensor> tensors_;
};

Napi::Array strings(Napi::Env env, const std::vector<std::string>& names) {
  Napi::Array array = Napi::Array::New(env, names.size());
  for (uint32_t i = 0; i < names.size(); ++i) array.Set(i, names[i]);
  return array;
}

// The names the core knows, for the test that compares them with the TypeScript unions.
Napi::Value trunkNames(const Napi::CallbackInfo& info) {
  Napi::Object names = Napi::Object::New(info.Env());
  names.Set("combine", strings(info.Env(), combineNames()));
  names.Set("activation", strings(info.Env(), activationNames()));
  names.Set("optimizer", strings(info.Env(), optimizerNames()));
  return names;
}

}  // namespace

void registerTrunk(Napi::Env env, Napi::Object exports) {
  exports.Set("Trunk", TrunkWrap::define(env));
  exports.Set("trunkNames", Napi::Function::New<trunkNames>(env, "trunkNames"));
}

}  // namespace widehead::addon
