// One SGD step on the factored weights: W <- W - eta G H^T, exactly, in O(d^2) an example.
//
// With A = I - 2 eta H diag(gq) H^T the step is W A - eta (1 gs^T + Y) H^T. U takes A, U^-T its inverse, and V the sparse rest.
// Where A is nearly singular (some 2 eta lambda close to 1) its inverse is useless, so a part is split off that needs none: for any
// unit x and number kappa, A' = A + kappa x x^T gives
//     V U A = V (I - kappa (U x) (U'^-T x)^T) U',   U' = U A',
// so U takes A', which is harmless when x is near the bad direction, and the bracket becomes an entry of the correction log.
// The algebra is exact for every x. In the formulas x is one more example, with the weight -kappa.
// (Own device; the published algorithm divides by zero there.)
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "exact/exact_pass.h"
#include "exact/factored_weights.h"

namespace widehead {

constexpr size_t kMaxSplit = 64;  // directions; a step with more eigenvalues near 0 than this restarts U
// m examples have m eigenvalues; twice that leaves room for directions found inexactly.
inline size_t mostSplit(size_t m) { return 2 * m + 2 < kMaxSplit ? 2 * m + 2 : kMaxSplit; }

// What a step did, for the watch on U's singular values and for the rows.
struct StepEffect {
  double contraction = 1;  // bound on the smallest |eigenvalue| of A'
  double growth = 1;       // bound on its largest
  // Makes the direction that A' shrinks most, of any length, as long as the pass is as it was; empty if it hardly shrinks any.
  std::function<std::vector<double>()> shrunk;
  std::vector<std::vector<double>> split;  // the directions x split off
  bool restarted = false;                  // too many to split off: U went into the log as a whole, and is I again
};

// The algebra of one step in one of two shapes: m x m matrices for m <= d (7 d^2 m + 4 d m^2 + m^3), d x d matrices otherwise.
class StepAlgebra {
 public:
  virtual ~StepAlgebra() = default;

  // What the step needs of the minibatch alone, if anything; before the gradients are known.
  virtual bool prepares() const { return false; }
  virtual void prepare(const FactoredWeights&, const ExactPass&) {}
  // The squared norm of the centred gradient Gc H^T; keeps what update() needs.
  virtual double gradNormSquared(const FactoredWeights& w, ExactPass& pass) = 0;
  // Updates U, U^-T and Qc, appends split entries to the log, and fills x (m x n) with U_new^-T H.
  // singular: eigenvalues of A below it in size are split off; infinity restarts U, which is right for every A. After its first change to
  // the weights it allocates less than bytesToUpdate(), which somebody has to hold ready: a step that has begun must end.
  virtual StepEffect update(FactoredWeights& w, ExactPass& pass, double eta, double singular) = 0;
  // Of its scratch, which stays for the next step.
  virtual size_t bytes() const { return x.bytes(); }

  Buffer<float> x;
};

// Of scratch of up to `threads` threads, of vectors, and of what the log grows by where U goes into it as a whole.
size_t bytesToUpdate(const FactoredWeights& w, const ExactPass& pass, size_t threads);

std::unique_ptr<StepAlgebra> makeNarrowStep();
std::unique_ptr<StepAlgebra> makeWideStep();

// overlap (m x n) = Y^T Y H: every class's gradient row, handed back to the examples that have it.
void classOverlap(Buffer<float>& overlap, Buffer<float>& classGradients, ExactPass& pass);
// sum_j coefficients[j] h_j (n)
std::vector<double> weightedSum(const double* coefficients, const ExactPass& pass);

}  // namespace widehead
