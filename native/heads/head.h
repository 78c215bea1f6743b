// The contract of every output layer. A pass over one minibatch goes score -> loss -> differentiate -> apply; all but apply
// leave the head as it was, so that a failure anywhere loses nothing.
//
// A head takes any loss of the spherical family, or has a loss of its own: then score() fills pass.losses itself and ends
// with pass.finishLosses(), q, s, a and their derivatives stay unused, and a pass has no step between score and differentiate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/archive.h"
#include "base/buffer.h"
#include "comm/communicator.h"
#include "heads/gathered_batch.h"
#include "heads/targets.h"
#include "losses/loss.h"

namespace widehead {

struct HeadConfig {
  size_t numClasses, hiddenSize;
  bool bias;
  std::shared_ptr<Communicator> comm = nullptr;  // of several ranks that hold the head together; null: none but this one
  uint64_t recipe = 0;                           // a hash of all that must be the same on all ranks
};

// Starting weights: row-major W (D x d) and biases (D), or random with the given scale.
struct InitConfig {
  enum Kind { Zeros, Normal, Uniform, Weights } kind;
  double scale;
  uint64_t seed;
  const float *weights, *biases;
};

struct ApplyOptions {
  double learningRate, weightDecay, clipNorm;  // clipNorm: infinity for none
};

// One minibatch on its way through a head. Reused from step to step, so that its buffers are made once.
class Pass {
 public:
  virtual ~Pass() = default;

  // Copies and checks the minibatch; hidden is m x d. Throws Error Range.
  void assign(const HeadConfig& config, const float* hidden, const TargetsInput& targets);
  // q, s, a -> losses and their derivatives, by a built-in loss.
  void computeLoss(LossFunction loss, const double* parameters, size_t numClasses);
  LossBatch lossBatch(size_t numClasses);
  // Turns the derivatives of the losses into those of their mean, after checking that all are finite.
  void finishLoss(size_t numClasses);
  // The same for a head with a loss of its own: pass.loss from pass.losses, after checking that all are finite.
  void finishLosses();
  // Bytes of scratch held, about.
  virtual size_t bytes() const { return hidden.bytes() + dHidden.bytes() + a.bytes() + ga.bytes() + 5 * q.bytes(); }

  size_t m = 0;
  Buffer<float> hidden;  // m x features: the minibatch, with a 1 appended to each row if the head has biases
  Targets targets;
  Buffer<double> q, s, losses, gq, gs;  // m
  Buffer<double> a, ga;                 // one a target
  Buffer<float> dHidden;                // m x d
  double loss = 0;
  uint64_t version = 0;  // the head's version that the pass was made for
  // Among several ranks all of the above is of the minibatches of all, and these are this rank's examples.
  size_t ownBegin = 0, ownEnd = 0;
  GatheredBatch gathered;

 private:
  void copyHidden(const HeadConfig& config, const float* input, size_t count);
  void meanLoss();
};

class Head {
 public:
  explicit Head(const HeadConfig& config) : config_(config), number_(config.comm ? config.comm->nextNumber() : 0) {}
  virtual ~Head() = default;

  const HeadConfig& config() const { return config_; }
  size_t features() const { return config_.hiddenSize + (config_.bias ? 1 : 0); }
  // Counts the updates: a pass made at another version is stale.
  uint64_t version() const { return version_; }

  // Of several ranks (comm/communicator.h), each of which has the rows of its own classes and makes the same calls: what the
  // classes named below are, rows(), logits() and topK() are then among its own, and heads/joint_calls.h is for all of them.
  Communicator* communicator() const { return config_.comm.get(); }
  uint64_t number() const { return number_; }  // among the heads of the communicator: the same on all ranks
  // Called with all ranks before anything else; does once what they must do together to begin.
  virtual void join() {}
  // A hash of what all ranks hold alike.
  virtual uint64_t digest() const { return 0; }

  virtual std::unique_ptr<Pass> newPass() const = 0;
  // Fills q, s and a from hidden and targets; with a loss of its own: the losses. Where a step draws at random, it does so
  // from (seed, version), so that a pass that is not applied leaves no trace.
  virtual void score(Pass& pass) const = 0;
  // score() for a pass that ends here: a head whose step estimates its loss computes it in full.
  virtual void evaluate(Pass& pass) const { score(pass); }
  // evaluate(), where its loss stands for another one: that one, in O(D d).
  virtual void evaluateExactly(Pass& pass) const { evaluate(pass); }
  // Fills dHidden from gq, gs and ga, or from what score() kept.
  virtual void differentiate(Pass& pass) const = 0;
  // The Frobenius norm of the gradient for the weights; makes the update. Never throws after it has begun to change the weights.
  virtual double apply(Pass& pass, const ApplyOptions& options) = 0;

  // out (m x n) = outputs of the given classes.
  virtual void logits(float* out, const float* hidden, size_t m, const uint32_t* classes, size_t n) const = 0;
  // The k best classes of each of m hidden vectors, best first, ties to the lower id; by o, or by o^2.
  virtual void topK(int32_t* classes, float* logits, const float* hidden, size_t m, size_t k, bool square) const = 0;
  // The same among the `candidates` classes that the head's own search takes for the best, which may miss some; k <= candidates.
  // Throws Error Range where there is no such search.
  virtual void searchTopK(int32_t* classes, float* logits, const float* hidden, size_t m, size_t k,
                          size_t candidates) const;
  // out (n x features) = rows of W, the bias last.
  virtual void rows(float* out, const uint32_t* classes, size_t n) const = 0;
  // All that later steps depend on. After loading, checkRestored() once the streamed rows are there.
  virtual void archive(Archive& archive);
  virtual void checkRestored() {}
  // Bytes of weights held. Cheap.
  virtual size_t bytes() const = 0;
  // Named facts that are cheap to have.
  virtual std::map<std::string, double> diagnostics() const = 0;

 protected:
  HeadConfig config_;
  const uint64_t number_;
  uint64_t version_ = 0;
};

// Row `row` of the starting weights: d = hiddenSize weights, then the bias if features = d + 1. Random weights depend on (seed, row,
// column) alone; biases start at 0 unless they are given.
void fillRow(float* out, size_t row, const InitConfig& init, size_t hiddenSize, size_t features);

// Throws Error Range unless all ids are classes of the head / all numbers are finite.
void checkClasses(const uint32_t* classes, size_t n, size_t numClasses);
void checkFinite(const char* name, const float* values, size_t n);
// The same, and copies them; what `out` holds after an error is undefined.
void copyFinite(const char* name, float* out, const float* values, size_t n);
// The same of what a head has computed, which is no argument: throws Error WIDEHEAD_LOSS.
void checkGradient(const float* gradient, size_t n);
void copyGradient(float* out, const float* gradient, size_t n);

}  // namespace widehead
