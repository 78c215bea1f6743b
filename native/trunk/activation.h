// Activations of dense layers: y = f(z) element by element, and dz = dy f'(z) where f' is read off y.
//
// tanh is a vector kernel, within 3 ULP of the true value (trunk_kernels_test looks at a fine grid): std::tanh costs as much as
// the layer's product.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace widehead {

struct Activation {
  const char* name;
  void (*forward)(float* z, size_t n);                    // in place: z becomes f(z)
  void (*backward)(float* dy, const float* y, size_t n);  // in place: dy becomes dz
  // Variance of starting weights: 2 / inputs keeps the size of relu's signals (He et al., arXiv 1502.01852),
  // 2 / (inputs + outputs) that of tanh's and of its gradients (Glorot and Bengio 2010).
  bool initFromInputsOnly;
};

// Throws WIDEHEAD_OUT_OF_RANGE if there is no activation of that name.
const Activation& findActivation(const std::string& name);
std::vector<std::string> activationNames();

}  // namespace widehead
