#include "addon/index_wrap.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "addon/job.h"
#include "addon/options.h"
#include "addon/task.h"
#include "index/head_index.h"

namespace widehead::addon {

namespace {

struct HeldIndex {
  std::unique_ptr<HeadIndex> index;  // null once closed
  int64_t tracked = 0;               // what the collector was told that it weighs

  void release(Napi::Env env) {
    index.reset();
    if (tracked != 0) Napi::MemoryManagement::AdjustExternalMemory(env, -tracked);
    tracked = 0;
  }
};
using IndexHandle = Napi::External<HeldIndex>;

HeadIndex& open(const Napi::Value& handle) {
  const std::unique_ptr<HeadIndex>& index = handle.As<IndexHandle>().Data()->index;
  if (!index) throw Error(ErrorKind::State, "WIDEHEAD_CLOSED", "the index is closed");
  return *index;
}

// (handle, classes, logits, hidden, k, probes, shortlist): classes and logits are m * k; 0 probes for the default
void searchIndex(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    const HeadIndex& index = open(info[0]);
    const ArrayView classes(info[1]), logits(info[2]), hidden(info[3]);
    const auto count = [&](size_t i) { return static_cast<size_t>(info[i].As<Napi::Number>().Uint32Value()); };
    const size_t k = count(4), probes = count(5), m = examplesOf(hidden, index.hiddenSize());
    checkLength("hidden", logits.length == m * k && classes.length == m * k);
    checkFinite("hidden", hidden.floats(), hidden.length);
    index.search(static_cast<int32_t*>(classes.data), logits.floats(), hidden.floats(), m,
                 {k, probes == 0 ? index.rows().probes() : probes, count(6)});
  });
}

Napi::Value describeIndex(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const ProductIndex& index = open(info[0]).rows();
    Napi::Object facts = Napi::Object::New(info.Env());
    facts.Set("cells", static_cast<double>(index.cells()));
    facts.Set("lists", static_cast<double>(index.lists()));
    facts.Set("probes", static_cast<double>(index.probes()));
    facts.Set("bytes", static_cast<double>(index.bytes()));
    return facts;
  });
}

// Its queries are those of the options: they must outlive it.
ProductIndexSettings settingsOf(const Head& head, const Napi::Object& options) {
  ProductIndexSettings settings;
  settings.cells = size(options, "cells");
  settings.recall = number(options, "recall");
  settings.seed = static_cast<uint64_t>(number(options, "seed"));
  const ArrayView queries(options.Get("queries"));
  if (queries.present) {
    settings.queries = queries.floats();
    settings.queryCount = examplesOf(queries, head.config().hiddenSize);
    checkFinite("queries", queries.floats(), queries.length);
  }
  return settings;
}

Napi::Value handleOf(Napi::Env env, std::unique_ptr<HeadIndex> index) {
  auto held = std::make_unique<HeldIndex>();
  held->index = std::move(index);
  held->tracked = static_cast<int64_t>(held->index->rows().bytes());
  Napi::MemoryManagement::AdjustExternalMemory(env, held->tracked);
  return IndexHandle::New(env, held.release(), [](Napi::Env environment, HeldIndex* old) {
    old->release(environment);
    delete old;
  });
}

void closeIndex(const Napi::CallbackInfo& info) { info[0].As<IndexHandle>().Data()->release(info.Env()); }

}  // namespace

Napi::Value makeIndex(Napi::Env env, const Head& head, const Napi::Object& options) {
  return handleOf(env, std::make_unique<HeadIndex>(head, settingsOf(head, options), flag(options, "square")));
}

Napi::Promise makeIndexAsync(Napi::Env env, const std::shared_ptr<Head>& head, const Napi::Object& options) {
  auto made = std::make_shared<std::unique_ptr<HeadIndex>>();
  const auto make = [made, head, settings = settingsOf(*head, options), square = flag(options, "square")] {
    *made = std::make_unique<HeadIndex>(*head, settings, square);
  };
  return Task::start(env, make, {options}, [made](Napi::Env e) { return handleOf(e, std::move(*made)); });
}

void registerIndexes(Napi::Env env, Napi::Object exports) {
  exports.Set("searchIndex", Napi::Function::New(env, searchIndex));
  exports.Set("describeIndex", Napi::Function::New(env, describeIndex));
  exports.Set("closeIndex", Napi::Function::New(env, closeIndex));
}

}  // namespace widehead::addon
