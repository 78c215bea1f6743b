#include "trunk/activation.h"

#include "base/error.h"
#include "kernels/kernels.h"

namespace widehead {
namespace {

void tanhForward(float* z, size_t n) { kernels().tanh(z, n); }
void tanhBackward(float* dy, const float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) dy[i] *= 1 - y[i] * y[i];
}

// Written so that a NaN stays one.
void reluForward(float* z, size_t n) {
  for (size_t i = 0; i < n; ++i) z[i] = z[i] < 0 ? 0 : z[i];
}
void reluBackward(float* dy, const float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) dy[i] = y[i] > 0 ? dy[i] : 0;
}

void linearForward(float*, size_t) {}
void linearBackward(float*, const float*, size_t) {}

constexpr Activation kActivations[] = {
    {"tanh", tanhForward, tanhBackward, false},
    {"relu", reluForward, reluBackward, true},
    {"linear", linearForward, linearBackward, false},
};

}  // namespace

const Activation& findActivation(const std::string& name) {
  for (const Activation& activation : kActivations) {
    if (name == activation.name) return activation;
  }
  throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE", "activation is unknown: " + name);
}

std::vector<std::string> activationNames() {
  std::vector<std::string> names;
  for (const Activation& activation : kActivations) names.push_back(activation.name);
  return names;
}

}  // namespace widehead
