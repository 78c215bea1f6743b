// A head's state on its way to files and back, and rows that are a file.

#include "addon/head_wrap.h"

#include <functional>
#include <string>
#include <vector>

#include "addon/task.h"

namespace widehead::addon {

Napi::Value HeadWrap::snapshot(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    head();
    return snapshotOf(info.Env(), open_->head);
  });
}

Napi::Value HeadWrap::restore(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return restoring_.begin(info, head()); });
}

void HeadWrap::fill(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    head();
    restoring_.fill(info);
  });
}

void HeadWrap::fillRows(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    head();
    restoring_.fillRows(info);
  });
}

void HeadWrap::restored(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    head().checkRestored();
    restoring_.end();
  });
}

// Of a head whose rows are a file: the name of what they are now
Napi::Value HeadWrap::beginGeneration(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return Napi::String::New(info.Env(), exact().file()->beginGeneration()); });
}

// A promise that they are on the disk as they were then, or as the journal tells
Napi::Value HeadWrap::flushRows(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const std::function<void()> flush = exact().file()->flush();
    return Task::start(info.Env(), [head = open_->head, flush] { flush(); }, {});
  });
}

// ([generation]): those that checkpoints still name; returns those that journals lead to
Napi::Value HeadWrap::keepJournals(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Napi::Array list = info[0].As<Napi::Array>();
    std::vector<std::string> generations;
    for (uint32_t i = 0; i < list.Length(); i++) generations.push_back(list.Get(i).As<Napi::String>());
    const std::vector<std::string> left = exact().file()->keepJournals(generations);
    Napi::Array result = Napi::Array::New(info.Env(), left.size());
    for (uint32_t i = 0; i < left.size(); i++) result.Set(i, left[i]);
    return result;
  });
}

}  // namespace widehead::addon
