#include "trunk/trunk.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"

namespace widehead {
namespace {

// The squares of a gradient this long still fit float32 sums with room for years of steps; longer is divergence.
constexpr uint64_t kDigestEvery = 64;  // updates between two comparisons of the ranks' trunks

}  // namespace

Trunk::Trunk(const TrunkSettings& settings)
    : settings_(settings), embedding_(settings.vocabularySize, settings.embeddingSize, findCombine(settings.combine),
                                      settings.optimizer, settings.embeddingScale, randomBits(settings.seed, 0)) {
  if (settings_.comm != nullptr) number_ = settings_.comm->nextNumber();
  size_t inputs = embeddedSize();
  for (const LayerSettings& layer : settings.layers) {
    const uint64_t seed = randomBits(settings.seed, 1 + layers_.size());
    layers_.emplace_back(inputs, layer.size, findActivation(layer.activation), settings.optimizer, seed);
    inputs = layer.size;
  }
  const size_t outputs = 1 + layers_.size();
  kept_.resize(outputs);
  evaluated_.resize(outputs);
  gradients_.resize(outputs);
}

void Trunk::run(float* hidden, const Bags& bags, std::vector<Buffer<float>>& outputs) const {
  const size_t m = bags.count / settings_.slots;
  if (m == 0) return;
  // Without layers nobody needs the sums again.
  float* output = layers_.empty() ? hidden : outputs[0].reserve(m * embeddedSize());
  embedding_.forward({output, bags.count, settings_.embeddingSize}, bags);
  if (layers_.empty()) return;
  size_t inputs = embeddedSize();
  for (size_t k = 0; k < layers_.size(); ++k) {
    const float* input = output;
    output = outputs[k + 1].reserve(m * layers_[k].size());
    layers_[k].forward({output, m, layers_[k].size()}, {input, m, inputs});
    inputs = layers_[k].size();
  }
  std::copy(output, output + m * hiddenSize(), hidden);
}

void Trunk::forward(float* hidden, const Bags& bags) {
  checkBags(bags, settings_.vocabularySize);
  forwarded_ = false;
  run(hidden, bags, kept_);
  embedding_.keep(bags);
  examples_ = bags.count / settings_.slots;
  forwarded_ = true;
}

void Trunk::evaluate(float* hidden, const Bags& bags) {
  checkBags(bags, settings_.vocabularySize);
  run(hidden, bags, evaluated_);
}

// Gradient for the embedding's sums, m x embeddedSize. Gradients of the layers' parameters stay in the layers.
ConstMatrixF Trunk::differentiateLayers(const float* dHidden) {
  const size_t m = examples_;
  if (layers_.empty() || m == 0) return {dHidden, m, embeddedSize()};
  float* dOutput = gradients_.back().reserve(m * hiddenSize());
  std::copy(dHidden, dHidden + m * hiddenSize(), dOutput);
  for (size_t k = layers_.size(); k-- > 0;) {
    DenseLayer& layer = layers_[k];
    float* dInput = gradients_[k].reserve(m * layer.inputs());
    layer.backward({dInput, m, layer.inputs()}, {dOutput, m, layer.size()}, {kept_[k + 1].data(), m, layer.size()},
                   {kept_[k].data(), m, layer.inputs()});
    dOutput = dInput;
  }
  return {dOutput, m, embeddedSize()};
}

void Trunk::checkGradient(const float* dHidden, size_t count) const {
  if (!forwarded_) {
    throw Error(ErrorKind::State, "WIDEHEAD_STALE", "backward must follow a forward of its own, and there is none");
  }
  if (count != examples_ * hiddenSize()) {
    throw Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_RANGE",
                "dHidden must have " + std::to_string(examples_ * hiddenSize()) + " values (" +
                    std::to_string(examples_) + " examples of the forward pass, hiddenSize " +
                    std::to_string(hiddenSize()) + "), got " + std::to_string(count));
  }
  requireFinite("dHidden", dHidden, count);
}

std::vector<Call> Trunk::meetRanks(const float* dHidden, size_t count, double learningRate) const {
  Call call;
  copyText(call.what, sizeof call.what, "backward of trunk " + std::to_string(number_));
  call.recipe = settings_.recipe;
  call.version = updates_;
  call.numbers[0] = learningRate;
  embedding_.announce(call);
  if (updates_ > 0 && updates_ % kDigestEvery == 0) {
    Digest digest;
    embedding_.addTo(digest);
    for (const DenseLayer& layer : layers_) layer.addTo(digest);
    call.digest = digest.value();
  }
  return meet(*settings_.comm, call, [&] { checkGradient(dHidden, count); });
}

// Layers add up what each rank has; of embeddings each gets what all have, since the rows of a minibatch are few among many.
ConstMatrixF Trunk::sumOverRanks(const std::vector<Call>& calls, ConstMatrixF dSums) {
  for (DenseLayer& layer : layers_) layer.sumGradients(*settings_.comm, examples_ == 0);
  return embedding_.gather(*settings_.comm, calls, dSums);
}

double Trunk::backward(const float* dHidden, size_t count, double learningRate) {
  std::vector<Call> calls;
  if (settings_.comm == nullptr) {
    checkGradient(dHidden, count);
  } else {
    calls = meetRanks(dHidden, count, learningRate);
  }
  const ConstMatrixF dEmbedded = differentiateLayers(dHidden);
  ConstMatrixF dSums{dEmbedded.data, examples_ * settings_.slots, settings_.embeddingSize};
  if (settings_.comm != nullptr) {
    forwarded_ = false;  // what was kept of it is now of all ranks
    dSums = sumOverRanks(calls, dSums);
  }
  double squaredNorm = embedding_.squaredGradientNorm(dSums);
  for (DenseLayer& layer : layers_) squaredNorm += layer.squaredGradientNorm();
  const double norm = std::sqrt(squaredNorm);
  checkGradNorm(norm, "trunk");

  const float scale = norm > settings_.clipNorm ? static_cast<float>(settings_.clipNorm / norm) : 1.0f;
  for (DenseLayer& layer : layers_) layer.update(scale, learningRate);
  embedding_.update(dSums, scale, learningRate);
  updates_++;
  forwarded_ = false;
  return norm;
}

MatrixF Trunk::parameter(size_t number) const {
  if (number == 0) return embedding_.table();
  const DenseLayer& layer = layers_[(number - 1) / 2];
  return number % 2 == 1 ? layer.weight() : layer.bias();
}

const Optimizer& Trunk::optimizer(size_t parameter) const {
  if (parameter == 0) return embedding_.optimizer();
  const DenseLayer& layer = layers_[(parameter - 1) / 2];
  return parameter % 2 == 1 ? layer.weightOptimizer() : layer.biasOptimizer();
}

size_t Trunk::bytes() const {
  size_t sum = embedding_.bytes();
  for (const DenseLayer& layer : layers_) sum += layer.bytes();
  return sum;
}

void Trunk::archive(Archive& archive) {
  for (size_t k = 0; k < parameterCount(); k++) {
    const MatrixF matrix = parameter(k);
    const std::string layer = "layers." + std::to_string(k == 0 ? 0 : (k - 1) / 2);
    const std::string name = k == 0 ? "embedding" : layer + (k % 2 == 1 ? ".weight" : ".bias");
    archive.rows(name, matrix.data, matrix.rows, matrix.cols);
    archiveState(archive, optimizer(k), name, matrix.rows);
  }
}

}  // namespace widehead
