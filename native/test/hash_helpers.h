// What the tests of hash families and of tables share.
#pragma once

#include <cmath>
#include <vector>

#include "hashing/hash_family.h"

namespace check {

inline widehead::HashSettings settingsOf(const char* kind, size_t dimension, size_t tables, size_t hashes,
                                         size_t window = 8) {
  widehead::HashSettings settings;
  settings.kind = kind;
  settings.dimension = dimension;
  settings.tables = tables;
  settings.hashesPerTable = hashes;
  settings.window = window;
  settings.rangeBits = 16;
  settings.seed = 7;
  return settings;
}

inline std::vector<uint32_t> hashRows(const widehead::HashFamily& family, const std::vector<float>& rows) {
  const size_t n = rows.size() / family.settings().dimension;
  std::vector<uint32_t> out(n * family.settings().tables);
  widehead::HashScratch scratch;
  family.hash(out.data(), rows.data(), family.settings().dimension, n, scratch);
  return out;
}

// A unit vector at the given angle from the first axis.
inline std::vector<float> atAngle(double angle, size_t d) {
  std::vector<float> row(d, 0.0f);
  row[0] = static_cast<float>(std::cos(angle));
  row[1] = static_cast<float>(std::sin(angle));
  return row;
}

}  // namespace check
