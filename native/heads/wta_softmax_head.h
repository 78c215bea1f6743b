// Softmax over the classes whose rows share most winner-take-all hashes with the hidden vector, and the true ones
// (Vijayanarasimhan, Shlens, Monga and Yagnik, arXiv 1412.7479). No correction: the normaliser lacks the classes that are not
// retrieved, as published.
#pragma once

#include "heads/hashed_head.h"

namespace widehead {

struct WtaSettings : HashedSettings {
  size_t candidates;  // an example
  size_t unionLimit;  // classes retrieved for a minibatch, which all of its examples share
};

class WtaSoftmaxHead : public HashedHead {
 public:
  WtaSoftmaxHead(const HeadConfig& config, const InitConfig& init, const OptimizerSettings& optimizer,
                 const WtaSettings& settings)
      : HashedHead(config, init, optimizer, settings), settings_(settings) {}

 protected:
  void choose(Candidates& candidates, const Pass& pass) const override;

 private:
  const WtaSettings settings_;
};

}  // namespace widehead
