// What a head is made from, as the facade describes it.
#pragma once

#include <memory>
#include <string>

#include "addon/communicator_wrap.h"
#include "addon/convert.h"
#include "addon/options.h"
#include "base/rng.h"
#include "heads/bulk_softmax_head.h"
#include "heads/dense_head.h"
#include "heads/exact_head.h"
#include "heads/hierarchical_softmax_head.h"
#include "heads/lsh_softmax_head.h"
#include "heads/sampled_softmax_head.h"
#include "heads/softmax_head.h"
#include "heads/wta_softmax_head.h"

namespace widehead::addon {

struct HeadSpec {
  std::string kind;
  HeadConfig config;
  InitConfig init;
  StabilisationPolicy policy{};
  size_t stretch = 0;
  Napi::Object options;  // what only this kind of head has
  Napi::Object storage;  // where the rows are to be, if not in memory
};

inline StabilisationPolicy readPolicy(const Napi::Object& policy) {
  return {number(policy, "lo"), number(policy, "singular"), static_cast<size_t>(number(policy, "lookEvery")),
          static_cast<size_t>(number(policy, "polishColumns")), number(policy, "sweepRows")};
}

inline HeadSpec readSpec(const Napi::Object& object) {
  HeadSpec spec;
  spec.kind = object.Get("kind").As<Napi::String>().Utf8Value();
  spec.config = {static_cast<size_t>(number(object, "numClasses")), static_cast<size_t>(number(object, "hiddenSize")),
                 object.Get("bias").As<Napi::Boolean>().Value(), communicatorOf(object), recipeOf(object)};
  const Napi::Object init = object.Get("init").As<Napi::Object>();
  const std::string kind = init.Get("kind").As<Napi::String>().Utf8Value();
  spec.init = {kind == "normal"    ? InitConfig::Normal
               : kind == "uniform" ? InitConfig::Uniform
               : kind == "weights" ? InitConfig::Weights
                                   : InitConfig::Zeros,
               present(init.Get("scale")) ? number(init, "scale") : 0, static_cast<uint64_t>(number(object, "seed")),
               present(init.Get("weights")) ? floats(init.Get("weights")) : nullptr,
               present(init.Get("biases")) ? floats(init.Get("biases")) : nullptr};
  const Napi::Value policy = object.Get("policy");
  if (present(policy)) {
    spec.policy = readPolicy(policy.As<Napi::Object>());
    spec.stretch = static_cast<size_t>(number(policy.As<Napi::Object>(), "stretch"));
  }
  if (present(object.Get("options"))) spec.options = object.Get("options").As<Napi::Object>();
  if (present(object.Get("storage"))) spec.storage = object.Get("storage").As<Napi::Object>();
  return spec;
}

// Projections must not be made of the numbers that the starting weights are made of.
constexpr uint64_t kHashStream = UINT64_MAX;

inline HashedSettings hashedSettingsOf(const HeadSpec& spec) {
  const Napi::Object& options = spec.options;
  HashedSettings settings;
  settings.seed = spec.init.seed;
  settings.index.hash = {text(options, "hash"),
                         spec.config.hiddenSize + (spec.config.bias ? 1 : 0),
                         size(options, "tables"),
                         size(options, "hashesPerTable"),
                         size(options, "window"),
                         static_cast<unsigned>(number(options, "rangePower")),
                         randomBits(spec.init.seed, kHashStream)};
  settings.index.augment = flag(options, "augment");
  settings.rehashEvery = size(options, "rehashEvery");
  settings.bucketLimit = size(options, "bucketLimit");
  settings.perExample = flag(options, "perExample");
  return settings;
}
inline WtaSettings wtaSettingsOf(const HeadSpec& spec) {
  return {hashedSettingsOf(spec), size(spec.options, "candidates"), size(spec.options, "unionLimit")};
}
inline LshSettings lshSettingsOf(const HeadSpec& spec) {
  return {hashedSettingsOf(spec), size(spec.options, "samples"), text(spec.options, "query") == "label",
          flag(spec.options, "correction")};
}

inline BulkSettings bulkSettingsOf(const HeadSpec& spec) {
  const Napi::Object& options = spec.options;
  BulkSettings settings;
  settings.retrieval.limit = size(options, "retrieved");
  settings.retrieval.perExample = size(options, "retrievedPerExample");
  settings.retrieval.index.hash = {"simhash",
                                   spec.config.hiddenSize + (spec.config.bias ? 1 : 0),
                                   size(options, "tables"),
                                   size(options, "hashesPerTable"),
                                   2,
                                   16,
                                   randomBits(spec.init.seed, kHashStream)};
  settings.retrieval.index.augment = flag(options, "augment");
  settings.retrieval.rehashEvery = size(options, "rehashEvery");
  settings.retrieval.bucketLimit = size(options, "bucketLimit");
  settings.shortlist.size = size(options, "shortlist");
  settings.shortlist.counts = doublesOf(options, "counts");
  if (present(options.Get("classes"))) {
    const ArrayView classes(options.Get("classes"));
    settings.shortlist.classes.assign(classes.ids(), classes.ids() + classes.length);
  }
  settings.minibatchTargets = flag(options, "minibatchTargets");
  settings.sampled = size(options, "sampled");
  settings.sampledShare = number(options, "sampledShare");
  settings.sampler = samplerOf(options);
  settings.ratePower = number(options, "ratePower");
  settings.optimizer = optimizerOf(options);
  settings.bulkRate = number(options, "bulkRate");
  return settings;
}

inline std::unique_ptr<RowFile> rowFileOf(const HeadSpec& spec) {
  const Napi::Object& storage = spec.storage;
  if (storage.IsEmpty()) return nullptr;
  const ArrayView header(storage.Get("header"));
  const auto* bytes = static_cast<const uint8_t*>(header.data);
  const RowFileSpec file{text(storage, "path"),       {bytes, bytes + header.length}, size(storage, "bytes"),
                         size(storage, "stateAt"),    size(storage, "rowsAt"),        size(storage, "stampsAt"),
                         text(storage, "generation"), flag(storage, "private"),       flag(storage, "power")};
  return std::make_unique<RowFile>(file, spec.config.numClasses, spec.config.hiddenSize + (spec.config.bias ? 1 : 0));
}

inline std::shared_ptr<Head> makeHead(const HeadSpec& spec) {
  if (spec.init.weights != nullptr) {
    checkFinite("init.weights", spec.init.weights, spec.config.numClasses * spec.config.hiddenSize);
  }
  if (spec.init.biases != nullptr) checkFinite("init.biases", spec.init.biases, spec.config.numClasses);
#define WIDEHEAD_HEAD(name, Type, ...) \
  if (spec.kind == name) return std::make_shared<Type>(__VA_ARGS__);
#include "heads/heads.inc"
#undef WIDEHEAD_HEAD
  throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE", "unknown kind of head: " + spec.kind);
}

}  // namespace widehead::addon
