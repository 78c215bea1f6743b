// What a head is asked: outputs, best classes, rows, an index, facts.

#include "addon/head_wrap.h"

#include <functional>
#include <memory>
#include <mutex>

#include "addon/index_wrap.h"
#include "addon/task.h"

namespace widehead::addon {

// (out, hidden, classes)
void HeadWrap::logits(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    const ArrayView out(info[0]), hidden(info[1]), classes(info[2]);
    const size_t m = examplesOf(hidden, head().config().hiddenSize);
    checkLength("hidden or classes", out.length == m * classes.length);
    checkFinite("hidden", hidden.floats(), hidden.length);
    checkClasses(classes.ids(), classes.length, head().config().numClasses);
    head().logits(out.floats(), hidden.floats(), m, classes.ids(), classes.length);
  });
}

// (classes, logits, hidden, k, square, candidates): classes and logits are m * k; 0 candidates for the exact search
std::function<void()> HeadWrap::searchOf(const Napi::CallbackInfo& info) const {
  const ArrayView classes(info[0]), logits(info[1]), hidden(info[2]);
  const bool together = head().communicator() != nullptr;
  const size_t k = info[3].As<Napi::Number>().Uint32Value();
  const size_t m = examplesOf(hidden, head().config().hiddenSize, together ? 0 : 1);
  checkLength("hidden", logits.length == m * k && classes.length == m * k);
  if (!together) checkFinite("hidden", hidden.floats(), hidden.length);
  const size_t candidates = info[5].As<Napi::Number>().Uint32Value();
  const bool square = info[4].As<Napi::Boolean>().Value();
  auto* ids = static_cast<int32_t*>(classes.data);
  return [head = open_->head, ids, out = logits.floats(), in = hidden.floats(), m, k, square, candidates] {
    if (Communicator* comm = head->communicator()) {
      const std::lock_guard<std::mutex> turn(comm->turn());
      return topKTogether(*head, ids, out, in, m, k, square);
    }
    if (candidates > 0) return head->searchTopK(ids, out, in, m, k, candidates);
    head->topK(ids, out, in, m, k, square);
  };
}

void HeadWrap::topK(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] { searchOf(info)(); });
}

Napi::Value HeadWrap::topKAsync(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return Task::start(info.Env(), searchOf(info), objectsOf(info)); });
}

// (out, classes): rows of W with their biases
void HeadWrap::rows(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    const ArrayView out(info[0]), classes(info[1]);
    checkLength("classes", out.length == classes.length * head().features());
    checkClasses(classes.ids(), classes.length, head().config().numClasses);
    head().rows(out.floats(), classes.ids(), classes.length);
  });
}

// rows() and logits() of a head that several ranks hold: each asks for what it wants.
Napi::Value HeadWrap::rowsAsync(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const ArrayView out(info[0]), classes(info[1]);
    checkLength("classes", out.length == classes.length * head().features());
    return together(info, [out = out.floats(), ids = classes.ids(), n = classes.length](Head& head) {
      rowsTogether(head, out, ids, n);
    });
  });
}

Napi::Value HeadWrap::logitsAsync(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const ArrayView out(info[0]), hidden(info[1]), classes(info[2]);
    const size_t m = examplesOf(hidden, head().config().hiddenSize, 0);
    checkLength("hidden or classes", out.length == m * classes.length);
    return together(info, [out = out.floats(), in = hidden.floats(), m, ids = classes.ids(),
                           n = classes.length](Head& head) { logitsTogether(head, out, in, m, ids, n); });
  });
}

// (options): the handle of an index over the rows
Napi::Value HeadWrap::index(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return makeIndex(info.Env(), head(), info[0].As<Napi::Object>()); });
}

Napi::Value HeadWrap::indexAsync(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    head();
    return makeIndexAsync(info.Env(), open_->head, info[0].As<Napi::Object>());
  });
}

Napi::Value HeadWrap::diagnostics(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    Napi::Object facts = Napi::Object::New(info.Env());
    for (const auto& [name, value] : head().diagnostics()) facts.Set(name, value);
    return facts;
  });
}

}  // namespace widehead::addon
