// W = gamma (V U + 1 omega^T), D x d, never formed; with it U^-T, the covariance of the classes and their sum.
//
// Letters are those of Vincent et al. 2015 (arXiv 1606.08061). Two differences from the paper:
// - Qc = W^T W - wbar wbar^T / D, the products of the CENTRED rows of W, is kept in place of Q = W^T W. The centred weights follow the
//   same recursion with gs = 0, so that the large terms of the mean never enter Qc, and q / D - (s / D)^2, which the Z-loss
//   divides by, is had without cancellation.
// - V is never rewritten: corrections go to a log (correction_log.h).
// Qc, wbar and omega are those of W / gamma; gamma takes up weight decay.
//
// Among several ranks each holds the rows of V of its own classes (comm/shard.h), in a store of the same size everywhere, so that the
// sweep and with it the log are the same on all; the rest is the same on all by making the same steps. Row numbers are those of the
// store. What sums over all rows is a call that all ranks make together.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "comm/communicator.h"
#include "comm/meeting.h"
#include "comm/shard.h"
#include "exact/compensated_matrix.h"
#include "exact/row_store.h"

namespace widehead {

struct InitConfig;

struct Drift {
  double q, wbar, inverse;  // relative errors (Frobenius) of W^T W, of W^T 1, and of U^-T as an inverse
};

class FactoredWeights {
 public:
  // The rows of V: zeros, or what a file holds.
  FactoredWeights(size_t numClasses, size_t features, size_t stretch, std::unique_ptr<RowFile> file = nullptr,
                  std::shared_ptr<Communicator> comm = nullptr);

  // Starting weights; the rows have hiddenSize weights, then the bias if features = hiddenSize + 1. Among several ranks sum() must follow.
  void init(const InitConfig& init, size_t hiddenSize);
  // Qc and wbar from the rows.
  void sum();

  size_t numClasses() const { return numClasses_; }
  const Shard& shard() const { return shard_; }
  size_t rowCount() const { return shard_.rows(numClasses_); }  // of classes of this rank
  size_t features() const { return v.features(); }

  // out (count x features): rows of W.
  void rows(float* out, const uint32_t* rows, size_t count) const;
  // out (m x n) = outputs of n rows, from hu = H U^T (m x features) and offsets = H omega (m).
  void logits(MatrixF out, ConstMatrixF hu, const std::vector<double>& offsets, const uint32_t* rows) const;
  // O(D d^2): compares with what W itself says, or makes it so (rows current, log empty in effect, Qc, wbar, U^-T exact).
  Drift drift() const;
  void refresh();
  // V <- V U, U <- I, through the log (d entries that act at once). The way out for a U without an inverse.
  void restartU();
  // Multiplies gamma by c, and folds a gamma that has become small into the rows of V (through the log) and the sums.
  void decay(double c);

  void archive(Archive& archive);
  // Of what all ranks hold.
  void addTo(Digest& digest) const;

  size_t bytes() const { return v.bytes() + u.bytes() + ui.bytes() + qc.bytes(); }

 private:
  const size_t numClasses_;
  const std::shared_ptr<Communicator> comm_;  // null: none but this rank
  const Shard shard_;

 public:
  RowStore v;                       // of shard().capacity() rows
  CompensatedMatrix u, ui, qc;      // ui = U^-T
  std::vector<double> omega, wbar;  // d
  double gamma = 1;

 private:
  class RowReader;
  struct Moments {
    std::vector<double> sum;      // d: W^T 1 / gamma
    std::vector<double> centred;  // d x d
  };
  Moments moments() const;
};

}  // namespace widehead
