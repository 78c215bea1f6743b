#include "hashing/hash_tables.h"

#include <algorithm>

#include "base/pool.h"

namespace widehead {

HashTables::HashTables(size_t numIds, size_t tables, size_t buckets)
    : numIds_(numIds),
      tables_(tables),
      buckets_(buckets),
      codes_(elementCount(numIds, tables)),
      sorted_(elementCount(numIds, tables)),
      offsets_(elementCount(tables, buckets + 1)),
      heads_(elementCount(tables, buckets)),
      moved_(numIds / 64 + 1),
      nodes_(tables) {}

void HashTables::rebuild() {
  const size_t groups = (tables_ + kGroup - 1) / kGroup;
  // Groups of tables are what threads share, cut finer where they are few.
  const size_t size = groups >= teamThreads() ? kGroup : (tables_ + teamThreads() - 1) / teamThreads();
  parallelFor((tables_ + size - 1) / size, 1, [&](size_t begin, size_t end) {
    for (size_t group = begin; group < end; group++) sortTables(group * size, std::min(tables_, (group + 1) * size));
  });
  std::fill(moved_.data(), moved_.data() + moved_.size(), uint64_t{0});
}

// An id's codes share cache lines, so that some tables are sorted at once: each tile of codes is transposed in the first-level
// cache and then counted, or put in its buckets, table by table.
template <class Body>
void HashTables::eachTile(size_t begin, size_t end, Body body) const {
  uint32_t column[kGroup][kTile];
  for (size_t first = 0; first < numIds_; first += kTile) {
    const size_t count = std::min(kTile, numIds_ - first);
    for (size_t i = 0; i < count; i++) {
      const uint32_t* code = codes(static_cast<uint32_t>(first + i));
      for (size_t t = begin; t < end; t++) column[t - begin][i] = code[t];
    }
    for (size_t t = begin; t < end; t++) body(t, column[t - begin], first, count);
  }
}

void HashTables::sortTables(size_t begin, size_t end) {
  for (size_t t = begin; t < end; t++) std::fill_n(&offsets_[t * (buckets_ + 1)], buckets_ + 1, 0u);
  eachTile(begin, end, [this](size_t t, const uint32_t* code, size_t, size_t count) {
    uint32_t* offset = &offsets_[t * (buckets_ + 1)] + 1;
    for (size_t i = 0; i < count; i++) offset[code[i]]++;
  });
  for (size_t t = begin; t < end; t++) {
    uint32_t* offset = &offsets_[t * (buckets_ + 1)];
    for (size_t b = 0; b < buckets_; b++) offset[b + 1] += offset[b];
  }
  // Fills each bucket from its start, which is then the next one's start: shifted back below.
  eachTile(begin, end, [this](size_t t, const uint32_t* code, size_t first, size_t count) {
    uint32_t *offset = &offsets_[t * (buckets_ + 1)], *ids = &sorted_[t * numIds_];
    for (size_t i = 0; i < count; i++) ids[offset[code[i]]++] = static_cast<uint32_t>(first + i);
  });
  for (size_t t = begin; t < end; t++) {
    uint32_t* offset = &offsets_[t * (buckets_ + 1)];
    for (size_t b = buckets_; b > 0; b--) offset[b] = offset[b - 1];
    offset[0] = 0;
    if (nodes_[t].empty()) continue;
    std::fill_n(&heads_[t * buckets_], buckets_, 0u);
    nodes_[t].clear();
  }
}

bool HashTables::contains(size_t table, uint32_t bucket, uint32_t id) const {
  const uint32_t *offset = &offsets_[table * (buckets_ + 1) + bucket], *ids = &sorted_[table * numIds_];
  if (std::binary_search(ids + offset[0], ids + offset[1], id)) return true;
  for (uint32_t place = heads_[table * buckets_ + bucket]; place != 0; place = nodes_[table][place - 1].next) {
    if (nodes_[table][place - 1].id == id) return true;
  }
  return false;
}

size_t HashTables::move(const uint32_t* ids, const uint32_t* fresh, size_t count) {
  for (std::vector<Node>& nodes : nodes_) {
    if (nodes.capacity() < nodes.size() + count) nodes.reserve(std::max(2 * nodes.capacity(), nodes.size() + count));
  }
  differing_.resize(count);
  parallelFor(count, 64, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
      const uint32_t *code = codes(ids[i]), *now = fresh + i * tables_;
      uint32_t differing = 0;
      for (size_t t = 0; t < tables_; t++) differing += code[t] != now[t];
      differing_[i] = differing;
    }
  });
  size_t changed = 0;
  for (size_t i = 0; i < count; i++) {
    if (differing_[i] == 0) continue;
    changed += differing_[i];
    moved_[ids[i] / 64] |= uint64_t{1} << (ids[i] % 64);
  }
  if (changed == 0) return 0;
  parallelFor(tables_, 1, [&](size_t begin, size_t end) {
    for (size_t i = 0; i < count; i++) {
      if (differing_[i] != 0) moveTables(ids[i], fresh + i * tables_, begin, end);
    }
  });
  return changed;
}

void HashTables::moveTables(uint32_t id, const uint32_t* fresh, size_t begin, size_t end) {
  uint32_t* code = codes(id);
  for (size_t t = begin; t < end; t++) {
    if (code[t] == fresh[t]) continue;
    code[t] = fresh[t];
    // It may have lain there before: what was left behind counts again.
    if (contains(t, fresh[t], id)) continue;
    uint32_t& head = heads_[t * buckets_ + fresh[t]];
    nodes_[t].push_back({id, head});
    head = static_cast<uint32_t>(nodes_[t].size());
  }
}

double HashTables::movedShare() const {
  size_t nodes = 0;
  for (const std::vector<Node>& list : nodes_) nodes += list.size();
  return static_cast<double>(nodes) / (static_cast<double>(numIds_) * static_cast<double>(tables_));
}

size_t HashTables::bytes() const {
  size_t nodes = 0;
  for (const std::vector<Node>& list : nodes_) nodes += list.capacity() * sizeof(Node);
  return codes_.bytes() + sorted_.bytes() + offsets_.bytes() + heads_.bytes() + moved_.bytes() + nodes;
}

}  // namespace widehead
