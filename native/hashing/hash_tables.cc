#include "hashing/hash_tables.h"

#include <algorithm>

#include "base/pool.h"

namespace widehead {

HashTables::HashTables(size_t numIds, size_t tables, size_t buckets)
    : numIds_(numIds), tables_(tables), buckets_(buckets), codes_(elementCount(numIds, tables)),
      isMoved_(numIds / 64 + 1) {
  for (Layer* layer : {&all_, &over_}) {
    layer->offsets = Pages<uint32_t>(elementCount(tables, buckets + 1));
    layer->buckets = buckets;
  }
  all_.ids.reserve(elementCount(numIds, tables));
}

void HashTables::rebuild() {
  sortLayer(all_, nullptr, numIds_);
  over_.count = 0;
  moved_.clear();
  std::fill(isMoved_.data(), isMoved_.data() + isMoved_.size(), uint64_t{0});
}

void HashTables::sortLayer(Layer& layer, const uint32_t* listed, size_t count) {
  layer.count = count;
  const size_t groups = (tables_ + kGroup - 1) / kGroup;
  // Groups of tables are what threads share, cut finer where they are few.
  const size_t size = groups >= teamThreads() ? kGroup : (tables_ + teamThreads() - 1) / teamThreads();
  parallelFor((tables_ + size - 1) / size, 1, [&](size_t begin, size_t end) {
    for (size_t group = begin; group < end; group++) {
      sortTables(layer, listed, group * size, std::min(tables_, (group + 1) * size));
    }
  });
}

// An id's codes share cache lines, so that some tables are sorted at once: each tile of codes is transposed in the first-level
// cache and then counted, or put in its buckets, table by table.
template <class Body>
void HashTables::eachTile(const uint32_t* listed, size_t count, size_t begin, size_t end, Body body) const {
  uint32_t column[kGroup][kTile], ids[kTile];
  for (size_t first = 0; first < count; first += kTile) {
    const size_t size = std::min(kTile, count - first);
    for (size_t i = 0; i < size; i++) {
      ids[i] = listed == nullptr ? static_cast<uint32_t>(first + i) : listed[first + i];
      const uint32_t* code = codes(ids[i]);
      for (size_t t = begin; t < end; t++) column[t - begin][i] = code[t];
    }
    for (size_t t = begin; t < end; t++) body(t, column[t - begin], ids, size);
  }
}

void HashTables::sortTables(Layer& layer, const uint32_t* listed, size_t begin, size_t end) {
  const auto offsets = [&](size_t t) { return &layer.offsets[t * (buckets_ + 1)]; };
  for (size_t t = begin; t < end; t++) std::fill_n(offsets(t), buckets_ + 1, 0u);
  eachTile(listed, layer.count, begin, end, [&](size_t t, const uint32_t* code, const uint32_t*, size_t size) {
    uint32_t* offset = offsets(t) + 1;
    for (size_t i = 0; i < size; i++) offset[code[i]]++;
  });
  for (size_t t = begin; t < end; t++) {
    uint32_t* offset = offsets(t);
    for (size_t b = 0; b < buckets_; b++) offset[b + 1] += offset[b];
  }
  // Fills each bucket from its start, which is then the next one's start: shifted back below.
  eachTile(listed, layer.count, begin, end, [&](size_t t, const uint32_t* code, const uint32_t* ids, size_t size) {
    uint32_t *offset = offsets(t), *sorted = &layer.ids[t * layer.count];
    for (size_t i = 0; i < size; i++) sorted[offset[code[i]]++] = ids[i];
  });
  for (size_t t = begin; t < end; t++) {
    uint32_t* offset = offsets(t);
    for (size_t b = buckets_; b > 0; b--) offset[b] = offset[b - 1];
    offset[0] = 0;
  }
}

size_t HashTables::move(const uint32_t* ids, const uint32_t* fresh, size_t count, double rebuildShare) {
  differing_.resize(count);
  moved_.reserve(moved_.size() + count);
  parallelFor(count, 64, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      const uint32_t *code = codes(ids[i]), *now = fresh + i * tables_;
      uint32_t differing = 0;
      for (size_t t = 0; t < tables_; t++) differing += code[t] != now[t];
      differing_[i] = differing;
    }
  });
  size_t changed = 0, joining = 0;
  for (size_t i = 0; i < count; i++) {
    changed += differing_[i];
    joining += differing_[i] != 0 && !hasMoved(ids[i]);
  }
  if (changed == 0) return 0;
  const size_t total = moved_.size() + joining;
  const bool rebuilds = static_cast<double>(total) > rebuildShare * static_cast<double>(numIds_);
  if (!rebuilds) over_.ids.reserve(elementCount(total, tables_));
  for (size_t i = 0; i < count; i++) {
    if (differing_[i] == 0) continue;
    std::copy_n(fresh + i * tables_, tables_, codes(ids[i]));
    if (hasMoved(ids[i])) continue;
    isMoved_[ids[i] / 64] |= uint64_t{1} << (ids[i] % 64);
    moved_.push_back(ids[i]);
  }
  if (rebuilds) {
    rebuild();
  } else {
    std::sort(moved_.begin(), moved_.end());
    sortLayer(over_, moved_.data(), moved_.size());
  }
  return changed;
}

void HashTables::archive(Archive& archive) {
  archive.rows("tables.moved", isMoved_.data(), isMoved_.size(), 1);
  archive.rows("codes", codes_.data(), numIds_, tables_);
  archive.rows("tables.offsets", all_.offsets.data(), tables_, buckets_ + 1);
  archive.rows("tables.ids", all_.ids.data(), tables_, numIds_);
}

void HashTables::checkRestored() {
  const auto isId = [&](uint32_t id) { return id < numIds_; };
  for (size_t t = 0; t < tables_; t++) {
    const uint32_t* offsets = &all_.offsets[t * (buckets_ + 1)];
    ByteStream::require(
        offsets[0] == 0 && offsets[buckets_] == numIds_ && std::is_sorted(offsets, offsets + buckets_ + 1),
        "buckets that overlap");
  }
  ByteStream::require(std::all_of(all_.ids.data(), all_.ids.data() + numIds_ * tables_, isId),
                      "buckets with what is no class");
  ByteStream::require(
      std::all_of(codes_.data(), codes_.data() + codes_.size(), [&](uint32_t code) { return code < buckets_; }),
      "a class in a bucket that is none");
  moved_.clear();
  for (uint32_t id = 0; id < numIds_; id++) {
    if (hasMoved(id)) moved_.push_back(id);
  }
  over_.ids.reserve(elementCount(moved_.size(), tables_));
  if (!moved_.empty()) sortLayer(over_, moved_.data(), moved_.size());
}

size_t HashTables::bytes() const {
  return codes_.bytes() + all_.bytes() + over_.bytes() + isMoved_.bytes() + moved_.capacity() * sizeof(uint32_t);
}

}  // namespace widehead
