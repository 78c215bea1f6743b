// What all ranks do together with a head that lies on all of them. Each call is made by all ranks, in the same order; it holds the
// communicator's turn. But for the first and the last they are calls of a head on one rank, too.
#pragma once

#include "heads/head.h"

namespace widehead {

// What is the same for all ranks: the stages of a pass in words, and its rates if it makes an update.
struct JointPass {
  const char* what;
  const ApplyOptions* rates = nullptr;
};

// Meets, and makes `pass` that of the minibatches of all ranks, of which hidden (m x d) and targets are this one's.
void assignTogether(Head& head, Pass& pass, const JointPass& call, const float* hidden, const TargetsInput& targets);
// Meets for what follows upon such a pass.
void meetAgain(Head& head, const JointPass& call);

// out (n x features) = rows of W, for classes of each rank's own choice.
void rowsTogether(Head& head, float* out, const uint32_t* classes, size_t n);
// out (m x n) = outputs for each rank's own hidden vectors and classes.
void logitsTogether(Head& head, float* out, const float* hidden, size_t m, const uint32_t* classes, size_t n);
// The best of all classes for each rank's own hidden vectors, of which there may be none.
void topKTogether(Head& head, int32_t* classes, float* logits, const float* hidden, size_t m, size_t k, bool square);

}  // namespace widehead
