#include "index/row_codes.h"

#include <algorithm>
#include <cmath>

#include "kernels/kernels.h"

namespace widehead {

namespace {

constexpr float kMiddle = 7.5f;
// Shares of the largest number at which the codes end: cutting off a few numbers makes the steps finer for all.
constexpr float kCuts[] = {1.0f, 0.85f, 0.7f, 0.55f};

uint8_t codeOf(float x, float perStep) {
  return static_cast<uint8_t>(std::clamp(x * perStep + kMiddle + 0.5f, 0.0f, 15.0f));
}

}  // namespace

float encodeRow(uint8_t* block, size_t place, const float* row, size_t features) {
  float most = 0;
  for (size_t i = 0; i < features; i++) most = std::max(most, std::fabs(row[i]));
  if (!(most > 0)) return 0;
  // The cut whose codes point most nearly where the row does.
  float perStep = 0, scale = 0;
  double nearest = -1;
  for (const float cut : kCuts) {
    const float step = kMiddle / (cut * most);
    if (!std::isfinite(step)) return 0;
    double product = 0, square = 0, length = 0;
    for (size_t i = 0; i < features; i++) {
      const float code = static_cast<float>(codeOf(row[i], step)) - kMiddle;
      product += code * row[i];
      square += code * code;
      length += row[i] * row[i];
    }
    const double cosine = product / std::sqrt(square);
    if (cosine <= nearest) continue;
    nearest = cosine;
    perStep = step;
    scale = static_cast<float>(length / product);
  }
  for (size_t i = 0; i < features; i++) {
    const unsigned code = codeOf(row[i], perStep);
    uint8_t& byte = block[64 * (i / 8) + 4 * place + i % 4];
    byte = static_cast<uint8_t>(byte | (i % 8 < 4 ? code : code << 4));
  }
  return std::isfinite(scale) ? scale : 0;
}

void CodedQuery::assign(const float* query, size_t features) {
  float most = 0;
  for (size_t i = 0; i < features; i++) most = std::max(most, std::fabs(query[i]));
  const float perStep = most > 0 ? 127 / most : 0;
  scale = most / 127;
  int sum = 0;
  std::fill_n(numbers.data(), 8 * codeGroups(features), int8_t{0});
  for (size_t i = 0; i < features && std::isfinite(perStep); i++) {
    numbers[i] = static_cast<int8_t>(std::lrintf(query[i] * perStep));
    sum += numbers[i];
  }
  offset = kMiddle * static_cast<float>(sum);
}

}  // namespace widehead
