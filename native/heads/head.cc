#include "heads/head.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/pool.h"
#include "base/rng.h"

namespace widehead {

void checkClasses(const uint32_t* classes, size_t n, size_t numClasses) {
  for (size_t i = 0; i < n; i++) {
    if (classes[i] < numClasses) continue;
    throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE",
                "classes must be class ids from 0 to " + std::to_string(numClasses - 1) + ", got " +
                    std::to_string(static_cast<int32_t>(classes[i])) + " at index " + std::to_string(i));
  }
}

namespace {

// Whether all numbers are finite; copies them where Copies is true, in the same walk.
template <bool Copies>
bool finite(float* out, const float* values, size_t n) {
  // In integers, because the compiler may reorder those: an exponent of all ones is NaN or infinite.
  uint32_t bad = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t bits;
    std::memcpy(&bits, values + i, sizeof bits);
    if (Copies) std::memcpy(out + i, &bits, sizeof bits);
    bad |= (bits & 0x7f800000u) == 0x7f800000u;
  }
  return bad == 0;
}

std::string notFinite(const char* name, const float* values, size_t n) {
  const size_t i =
      static_cast<size_t>(std::find_if(values, values + n, [](float x) { return !std::isfinite(x); }) - values);
  return std::string(name) + " must be finite, got " + shown(values[i]) + " at index " + std::to_string(i);
}

[[noreturn]] void nameNotFinite(const char* name, const float* values, size_t n) {
  throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE", notFinite(name, values, n));
}

[[noreturn]] void refuseGradient(const float* gradient, size_t n) {
  throw Error(ErrorKind::State, "WIDEHEAD_LOSS",
              notFinite("the gradient for hidden", gradient, n) +
                  " (the weights may have grown without bound: try a smaller learning rate)");
}

constexpr size_t kSmall = 16384;  // numbers whose copy takes no longer than to wake a thread

}  // namespace

void checkFinite(const char* name, const float* values, size_t n) {
  if (!finite<false>(nullptr, values, n)) nameNotFinite(name, values, n);
}

void copyFinite(const char* name, float* out, const float* values, size_t n) {
  if (!finite<true>(out, values, n)) nameNotFinite(name, values, n);
}

void checkGradient(const float* gradient, size_t n) {
  if (!finite<false>(nullptr, gradient, n)) refuseGradient(gradient, n);
}

void copyGradient(float* out, const float* gradient, size_t n) {
  if (!finite<true>(out, gradient, n)) refuseGradient(gradient, n);
}

void fillRow(float* out, size_t row, const InitConfig& init, size_t hiddenSize, size_t features) {
  const uint64_t first = static_cast<uint64_t>(row) * hiddenSize;
  for (size_t j = 0; j < hiddenSize; j++) {
    switch (init.kind) {
      case InitConfig::Zeros: out[j] = 0; break;
      case InitConfig::Normal: out[j] = static_cast<float>(init.scale * randomNormal(init.seed, first + j)); break;
      case InitConfig::Uniform:
        out[j] = static_cast<float>(init.scale * (2 * randomUniform(init.seed, first + j) - 1));
        break;
      case InitConfig::Weights: out[j] = init.weights[first + j]; break;
    }
  }
  if (features > hiddenSize) out[hiddenSize] = init.kind == InitConfig::Weights && init.biases ? init.biases[row] : 0;
}

void Head::searchTopK(int32_t*, float*, const float*, size_t, size_t, size_t) const {
  throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE",
              "exact must be true or left out, got false: this head has no search but the exact one");
}

void Head::archive(Archive& archive) {
  archive.record("progress", [&](ByteStream& stream) { stream.number(version_); });
}

void Pass::copyHidden(const HeadConfig& config, const float* input, size_t count) {
  const size_t d = config.hiddenSize, features = d + (config.bias ? 1 : 0);
  if (!config.bias) return copyFinite("hidden", hidden.data(), input, count * d);
  checkFinite("hidden", input, count * d);
  for (size_t j = 0; j < count; j++) {
    std::memcpy(&hidden[j * features], input + j * d, d * sizeof(float));
    hidden[j * features + d] = 1;
  }
}

void Pass::assign(const HeadConfig& config, const float* input, const TargetsInput& targetsInput) {
  const size_t d = config.hiddenSize, count = targetsInput.m;
  hidden.reserve(count * (d + (config.bias ? 1 : 0)));
  const auto copy = [&] { copyHidden(config, input, count); };
  const auto group = [&] { targets.assign(targetsInput, config.numClasses, shardOf(config.comm.get())); };
  if (count * d < kSmall) {
    copy();
    group();
  } else {
    inParallel(copy, group);
  }
  m = ownEnd = count;
  ownBegin = 0;
  for (Buffer<double>* buffer : {&q, &s, &losses, &gq, &gs}) buffer->reserve(m);
  a.reserve(targets.nnz());
  ga.reserve(targets.nnz());
  dHidden.reserve(m * d);
}

LossBatch Pass::lossBatch(size_t numClasses) {
  return {m,         numClasses, q.data(), s.data(), targets.indptr(), a.data(), targets.values(), losses.data(),
          gq.data(), gs.data(),  ga.data()};
}

void Pass::computeLoss(LossFunction compute, const double* parameters, size_t numClasses) {
  compute(lossBatch(numClasses), parameters);
  finishLoss(numClasses);
}

void Pass::finishLoss(size_t numClasses) {
  checkLoss(lossBatch(numClasses));
  meanLoss();
  const double share = 1.0 / static_cast<double>(m);
  for (size_t j = 0; j < m; j++) {
    gq[j] *= share;
    gs[j] *= share;
  }
  for (size_t k = 0; k < targets.nnz(); k++) ga[k] *= share;
}

void Pass::finishLosses() {
  checkLosses(losses.data(), m);
  meanLoss();
}

void Pass::meanLoss() {
  const double share = 1.0 / static_cast<double>(m);
  loss = 0;
  for (size_t j = 0; j < m; j++) loss += losses[j] * share;
}

}  // namespace widehead
