// Search indexes over the rows of a head, as JavaScript holds them: handles that plain functions take.
#pragma once

#include "addon/convert.h"
#include "heads/head.h"

namespace widehead::addon {

// A handle of a new index over the rows of `head`, of which nothing is kept; options: { cells, recall, seed, queries, square }.
Napi::Value makeIndex(Napi::Env env, const Head& head, const Napi::Object& options);

void registerIndexes(Napi::Env env, Napi::Object exports);

}  // namespace widehead::addon
