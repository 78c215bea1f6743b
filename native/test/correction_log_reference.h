// Random corrections, and what each makes of a row in float64.
#pragma once

#include <cmath>
#include <vector>

#include "base/rng.h"
#include "exact/correction_log.h"

namespace reference {

constexpr size_t kFeatures = 12;

// One append: entries that act at once, then a scale.
struct Group {
  std::vector<std::vector<float>> y, z;
  std::vector<float> coefficient;
  float scale = 1;

  void apply(std::vector<double>& row) const {
    std::vector<double> dots(y.size());
    for (size_t i = 0; i < y.size(); i++) {
      for (size_t j = 0; j < row.size(); j++) dots[i] += row[j] * y[i][j];
    }
    for (size_t i = 0; i < y.size(); i++) {
      for (size_t j = 0; j < row.size(); j++) row[j] -= coefficient[i] * dots[i] * z[i][j];
    }
    for (double& x : row) x *= scale;
  }

  void appendTo(widehead::CorrectionLog& log) const {
    std::vector<widehead::CorrectionLog::Entry> entries;
    for (size_t i = 0; i < y.size(); i++) entries.push_back({y[i].data(), z[i].data(), coefficient[i]});
    log.append(entries, scale);
  }
};

inline std::vector<double> unit(uint64_t seed, const std::vector<double>* orthogonalTo = nullptr) {
  std::vector<double> x(kFeatures);
  double norm = 0, overlap = 0;
  for (size_t j = 0; j < kFeatures; j++) x[j] = widehead::randomNormal(seed, j);
  for (size_t j = 0; orthogonalTo != nullptr && j < kFeatures; j++) overlap += x[j] * (*orthogonalTo)[j];
  for (size_t j = 0; orthogonalTo != nullptr && j < kFeatures; j++) x[j] -= overlap * (*orthogonalTo)[j];
  for (double value : x) norm += value * value;
  for (double& value : x) value /= std::sqrt(norm);
  return x;
}

inline std::vector<float> combine(double a, const std::vector<double>& x, double b, const std::vector<double>& y) {
  std::vector<float> sum(x.size());
  for (size_t j = 0; j < x.size(); j++) sum[j] = static_cast<float>(a * x[j] + b * y[j]);
  return sum;
}

// Corrections that keep the lengths of rows, so that errors stay comparable after thousands of them: reflections, and
// rotations of a plane (two joined entries with y != z, which are no rotation unless they act at once). Every fifth
// scales, in turn down and up.
inline Group randomGroup(uint64_t number) {
  Group group;
  const std::vector<double> a = unit(2 * number), b = unit(2 * number + 1, &a);
  if (number % 3 == 0) {
    const double angle = 6 * widehead::randomUniform(77, number), cosine = std::cos(angle), sine = std::sin(angle);
    group.y = {combine(1, a, 0, b), combine(0, a, 1, b)};
    group.z = {combine(1 - cosine, a, -sine, b), combine(sine, a, 1 - cosine, b)};
    group.coefficient = {1, 1};
  } else {
    group.y = group.z = {combine(1, a, 0, b)};
    group.coefficient = {2};
  }
  if (number % 5 == 0) group.scale = number % 10 == 0 ? 0.25f : 4.0f;
  return group;
}

// How much work an append is given.
enum class Pace { None, OneRow, Asked, Random };

inline void work(widehead::CorrectionLog& log, Pace pace, uint64_t entries, uint64_t number) {
  if (pace == Pace::OneRow) log.work(1);
  if (pace == Pace::Asked) log.work(entries * log.pace());
  if (pace == Pace::Random) log.work(static_cast<size_t>(3 * kFeatures * widehead::randomUniform(5, number)));
}

constexpr Pace kPaces[] = {Pace::None, Pace::OneRow, Pace::Asked, Pace::Random};

}  // namespace reference
