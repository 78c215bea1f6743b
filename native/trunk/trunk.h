// The network below an output head: one embedding table -> slots -> dense layers -> hidden vectors.
//
// An example is `slots` bags of ids; its embedding is the slots' sums one after the other (slots * embeddingSize),
// which the dense layers, if any, turn into the hidden vector. forward() keeps what one backward() needs, and
// backward() computes the gradient of the whole minibatch and makes the update. A call that throws has changed no
// parameter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/matrix.h"
#include "optim/optimizer.h"
#include "trunk/bags.h"
#include "trunk/dense_layer.h"
#include "trunk/embedding.h"

namespace widehead {

struct LayerSettings {
  size_t size;
  std::string activation;  // one of activationNames()
};

struct TrunkSettings {
  size_t vocabularySize = 0, embeddingSize = 0, slots = 1;
  std::string combine = "sum";  // one of combineNames()
  std::vector<LayerSettings> layers;
  OptimizerSettings optimizer;
  double clipNorm = std::numeric_limits<double>::infinity();
  double embeddingScale = 0;
  uint64_t seed = 0;
  // Of several ranks with a trunk each that are to stay the same: backward() sums their gradients. Null: this one alone.
  std::shared_ptr<Communicator> comm = nullptr;
  uint64_t recipe = 0;  // a hash of all that must be the same on all ranks
};

class Trunk {
 public:
  explicit Trunk(const TrunkSettings& settings);

  size_t hiddenSize() const { return layers_.empty() ? embeddedSize() : layers_.back().size(); }

  // hidden: m x hiddenSize, with m = bags.count / slots, at least 1; a rank among others may have 0.
  void forward(float* hidden, const Bags& bags);
  // The same without a trace: a forward pass made before can still go backward.
  void evaluate(float* hidden, const Bags& bags);

  // dHidden: m x hiddenSize = `count` values, gradient of the loss for the hidden vectors of the last forward().
  // Returns the norm of the gradient before clipping. Throws WIDEHEAD_STALE without such a forward pass,
  // WIDEHEAD_OUT_OF_RANGE for a wrong count or a value that is not finite, WIDEHEAD_LOSS if the norm is above 1e15.
  // Among several ranks, a call that all make together, each with its own dHidden of the gradient of one loss.
  double backward(const float* dHidden, size_t count, double learningRate);

  // Parameters by number: 0 the embedding table, 1 + 2k and 2 + 2k the weights and biases of layer k. Who writes to
  // them, or to the state of their optimisers, calls forgetForward(): the pass that was kept is of other parameters.
  size_t parameterCount() const { return 1 + 2 * layers_.size(); }
  MatrixF parameter(size_t number) const;
  const Optimizer& optimizer(size_t parameter) const;
  // All parameters and what their optimisers have gathered.
  void archive(Archive& archive);
  void forgetForward() { forwarded_ = false; }
  Communicator* communicator() const { return settings_.comm.get(); }

  size_t bytes() const;  // of parameters and the optimiser's state

 private:
  size_t embeddedSize() const { return settings_.slots * settings_.embeddingSize; }
  void run(float* hidden, const Bags& bags, std::vector<Buffer<float>>& outputs) const;
  ConstMatrixF differentiateLayers(const float* dHidden);
  void checkGradient(const float* dHidden, size_t count) const;
  ConstMatrixF sumOverRanks(const std::vector<Call>& calls, ConstMatrixF dSums);
  std::vector<Call> meetRanks(const float* dHidden, size_t count, double learningRate) const;

  TrunkSettings settings_;
  Embedding embedding_;
  std::vector<DenseLayer> layers_;
  // Outputs of the embedding and of each layer; those of forward() wait for backward().
  std::vector<Buffer<float>> kept_, evaluated_, gradients_;
  size_t examples_ = 0;     // of the forward pass that backward() may follow
  bool forwarded_ = false;  // there is one
  uint64_t updates_ = 0, number_ = 0;
};

}  // namespace widehead
