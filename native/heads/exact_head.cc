// The exact head: its step, and its state as a whole. What it is asked is in exact_head_queries.cc.

#include "heads/exact_head.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/pool.h"
#include "heads/row_table.h"
#include "kernels/kernels.h"
#include "linalg/gemm.h"

namespace widehead {

namespace {

constexpr double kStrongDecay = 0.5;  // 1 - learningRate * weightDecay; accuracy falls with its inverse

constexpr size_t kRows = 16;  // of n numbers, a thread

// Multiply-adds of a step's products: below, two threads are now 20 % faster and now 10 % slower than one (d = 64 .. 200, m = 1 .. 8, on
// AVX2 and AVX-512), by where the caches have the matrices; above they are faster.
constexpr size_t kSmallStep = 400000;

bool isSmall(const ExactPass& pass) {
  return pass.m * pass.features * (7 * pass.features + 3 * pass.shared.count()) < kSmallStep;
}

}  // namespace

ExactHead::ExactHead(const HeadConfig& config, const InitConfig& init, const StabilisationPolicy& policy,
                     size_t stretch, std::unique_ptr<RowFile> file)
    : Head(config), weights_(config.numClasses, features(), stretch, std::move(file), config.comm),
      stabiliser_(features()), policy_(policy) {
  weights_.init(init, config.hiddenSize);
  joined_ = init.kind == InitConfig::Zeros;
}

// The sums over the rows of all ranks, which the constructor has no part in.
void ExactHead::join() {
  if (!joined_) weights_.sum();
  joined_ = true;
}

uint64_t ExactHead::digest() const {
  Digest digest;
  digest.number(version_);
  weights_.addTo(digest);
  for (const double bound : {stabiliser_.smallest(), stabiliser_.largest()}) digest.number(bound);
  return digest.value();
}

std::unique_ptr<Pass> ExactHead::newPass() const {
  auto pass = std::make_unique<ExactHeadPass>();
  pass->features = features();
  return pass;
}

void ExactHead::score(Pass& base) const {
  auto& pass = static_cast<ExactHeadPass&>(base);
  const Targets& targets = pass.targets;
  const std::vector<uint32_t>&own = targets.own(), &ownRows = targets.ownRows();
  const size_t m = pass.m, n = features();
  const OneThread oneThread(isSmall(pass));
  pass.version = version_;
  // Rows of a file come from the disk while this is computed that needs none.
  weights_.v.prefetch(ownRows.data(), ownRows.size());
  const MatrixF hq(pass.hq.reserve(m * n), m, n), hu(pass.hu.reserve((m + mostSplit(m)) * n), m, n);
  inParallel([&] { gemm(hq, pass.h(), weights_.qc.hi()); }, [&] { gemm(hu, pass.h(), weights_.u.hi().transposed()); });

  pass.rows.reserve(own.size() * n);
  weights_.v.gather(pass.rows.data(), pass.order, ownRows.data(), own.size());
  pass.place.assign(targets.numUnique(), ExactPass::kElsewhere);
  for (size_t i = 0; i < pass.order.size(); i++) pass.place[own[pass.order[i]]] = i;
  pass.sHat.resize(m);
  if (pass.shared.count() > 0) pass.shared.score(hu, weights_.gamma);
  parallelFor(m, kRows, [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) scoreExample(pass, j);
  });
  // One rank has each of them, the others zero: the sum is exact.
  if (Communicator* comm = communicator()) comm->allReduceSum(pass.a.data(), targets.nnz());
}

void ExactHead::scoreExample(ExactPass& pass, size_t j) const {
  const size_t n = features();
  const double gamma = weights_.gamma, perClass = 1.0 / static_cast<double>(config_.numClasses);
  const float* h = &pass.hidden[j * n];
  const double s = kernels().dotWide(weights_.wbar.data(), h, n);
  // Rounding may leave a sum of squares a little below 0.
  const double centred = std::max(0.0, kernels().dotDouble(h, &pass.hq[j * n], n));
  pass.sHat[j] = s;
  pass.s[j] = gamma * s;
  pass.q[j] = gamma * gamma * (centred + s * s * perClass);
  const double offset = kernels().dotWide(weights_.omega.data(), h, n);
  for (uint32_t k = pass.targets.indptr()[j]; k < pass.targets.indptr()[j + 1]; k++) {
    const float* row = pass.row(k);
    pass.a[k] = row == nullptr ? 0 : gamma * (kernels().dotDouble(row, &pass.hu[j * n], n) + offset);
  }
}

// W^T Y = U^T V^T Y + omega ybar^T; centred, less wbar ybar^T / D. dH = 2 H Qc diag(gq) + Z_c + wbar gbar^T.
void ExactHead::differentiate(Pass& base) const {
  auto& pass = static_cast<ExactHeadPass&>(base);
  const Targets& targets = pass.targets;
  const size_t m = pass.m, n = features();
  const double gamma = weights_.gamma, numClasses = static_cast<double>(config_.numClasses);
  const OneThread oneThread(isSmall(pass));
  pass.gaHat.resize(targets.nnz());
  pass.ybar.assign(m, 0);
  pass.gbar.resize(m);
  pass.dhc.reserve(m * n);
  parallelFor(m, kRows, [&](size_t begin, size_t end) {
    std::vector<Term> terms;
    for (size_t j = begin; j < end; j++) {
      terms.clear();
      for (uint32_t k = targets.indptr()[j]; k < targets.indptr()[j + 1]; k++) {
        pass.gaHat[k] = static_cast<float>(pass.ga[k] / gamma);
        pass.ybar[j] += pass.gaHat[k];
        if (const float* row = pass.row(k)) terms.push_back({pass.gaHat[k], row});
      }
      kernels().combine(&pass.dhc[j * n], terms.data(), terms.size(), n);  // V^T Y, for a moment
      if (pass.shared.count() > 0) pass.ybar[j] += pass.shared.gradientSum(j);
      pass.gbar[j] = (2 * pass.gq[j] * pass.sHat[j] + numClasses * pass.gs[j] / gamma + pass.ybar[j]) / numClasses;
    }
  });
  if (Communicator* comm = communicator()) comm->allReduceSum(pass.dhc.data(), m * n);
  if (pass.shared.count() > 0) pass.shared.addGradients(MatrixF(pass.dhc.data(), m, n));
  const MatrixF z(pass.z.reserve(m * n), m, n);
  // In the order of update(), whose first half has U^-T and whose second has U: each then lies in the caches of those that use it.
  const auto backward = [&] { gemm(z, MatrixF(pass.dhc.data(), m, n), weights_.u.hi()); };
  if (pass.algebra().prepares()) {
    inParallel([&] { pass.algebra().prepare(weights_, pass); }, backward);
  } else {
    backward();
  }
  parallelFor(m, kRows, [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) differentiateExample(pass, j);
  });
}

void ExactHead::differentiateExample(ExactPass& pass, size_t j) const {
  const size_t n = features(), d = config_.hiddenSize;
  const double squaredGamma = weights_.gamma * weights_.gamma;
  centre(pass, j, pass.ybar[j]);
  const Term all[] = {{squaredGamma, &pass.dhc[j * n]}, {squaredGamma * pass.gbar[j], nullptr, weights_.wbar.data()}};
  kernels().combine(&pass.dHidden[j * d], all, 2, d);
}

// Adds to z what U^T V^T Y lacks of Z_c, of an example whose Y sums to ybar; then dhc of it.
void ExactHead::centre(ExactPass& pass, size_t j, double ybar) const {
  const size_t n = features();
  float* z = &pass.z[j * n];
  const Term omega = {ybar, nullptr, weights_.omega.data()};
  const Term mean = {-ybar / static_cast<double>(config_.numClasses), nullptr, weights_.wbar.data()};
  const Term centred[] = {{1, z}, omega, mean, {2 * pass.gq[j], &pass.hq[j * n]}};
  kernels().combine(&pass.dhc[j * n], centred, 4, n);
  kernels().combine(z, centred, 3, n);
}

void ExactHead::addGradients(ExactHeadPass& pass, ConstMatrixF change, const std::vector<double>& sums) const {
  const OneThread oneThread(isSmall(pass));
  const size_t n = features();
  gemm(MatrixF(pass.z.data(), pass.m, n), change, weights_.u.hi(), 1, Into::Add);
  parallelFor(pass.m, kRows, [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) {
      centre(pass, j, sums[j]);
      pass.ybar[j] += sums[j];
      pass.gbar[j] += sums[j] / static_cast<double>(config_.numClasses);
    }
  });
}

double ExactHead::apply(Pass& base, const ApplyOptions& options) {
  auto& pass = static_cast<ExactHeadPass&>(base);
  const double norm = gradNorm(pass);
  const RowStep step = rowStep(options, norm);
  update(pass, step.learningRate * step.scale, step.decay);
  return norm;
}

// ||G H^T||^2 = ||Gc H^T||^2 + D ||H gbar||^2
double ExactHead::gradNorm(ExactHeadPass& pass) const {
  const OneThread oneThread(isSmall(pass));
  double squared = pass.algebra().gradNormSquared(weights_, pass);
  pass.mean = weightedSum(pass.gbar.data(), pass);
  for (double x : pass.mean) squared += static_cast<double>(config_.numClasses) * x * x;
  return weights_.gamma * std::sqrt(std::max(0.0, squared));
}

void ExactHead::update(ExactHeadPass& pass, double learningRate, double decay) {
  const OneThread oneThread(isSmall(pass));
  StepAlgebra& algebra = pass.algebra();
  // Allocated before the first change, as everything is that has the size of the minibatch.
  pass.positions.assign(pass.targets.own().size(), weights_.v.log().end());
  pass.shared.prepareUpdate(weights_.v);
  const double eta = learningRate / decay;  // W <- decay (W - eta G H^T)
  if (eta > 0) weights_.v.touch(pass.targets.ownRows().data(), pass.targets.ownRows().size());
  // The rest are many small things, which must not be wanting when half of the weights are new.
  reserve_.hold(bytesToUpdate(weights_, pass, threads()));
  const MemoryReserve::Open open(reserve_);
  version_++;
  if (eta > 0) {
    // A decay that takes most of W away makes eta large beside it; such a step goes without an inverse of U.
    const double singular = decay < kStrongDecay ? std::numeric_limits<double>::infinity() : policy_.singular;
    const StepEffect effect = algebra.update(weights_, pass, eta, singular);
    updateVectors(pass, eta, pass.mean);
    updateRows(pass, eta, algebra.x.data());
    if (pass.shared.count() > 0) pass.shared.update(weights_.v, eta, MatrixF(algebra.x.data(), pass.m, features()));
    if (decay != 1) weights_.decay(decay);
    stabiliser_.afterStep(weights_, effect, pass.m, policy_);
  } else if (decay != 1) {
    weights_.decay(decay);
  }
}

// omega -= eta H (2 diag(gq) H^T omega + gs),  wbar -= eta D H gbar
void ExactHead::updateVectors(const ExactPass& pass, double eta, const std::vector<double>& mean) {
  const size_t n = features();
  std::vector<double> forOmega(pass.m);
  parallelFor(pass.m, 4 * kRows, [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; j++) {
      const double output = kernels().dotWide(weights_.omega.data(), &pass.hidden[j * n], n);
      forOmega[j] = 2 * pass.gq[j] * output + pass.gs[j] / weights_.gamma;
    }
  });
  const std::vector<double> omegaStep = weightedSum(forOmega.data(), pass);
  for (size_t i = 0; i < n; i++) {
    weights_.omega[i] -= eta * omegaStep[i];
    weights_.wbar[i] -= eta * static_cast<double>(config_.numClasses) * mean[i];
  }
}

// V -= eta Y X^T on the rows gathered by score(), brought past the entries this step has added to the log.
void ExactHead::updateRows(ExactPass& pass, double eta, const float* x) {
  const Targets& targets = pass.targets;
  const size_t n = features(), count = targets.own().size();
  if (count > 0 && pass.positions[0] != weights_.v.log().end()) {
    weights_.v.log().bringUp(pass.rows.data(), count, pass.positions.data());
  }
  // A class that many examples share is rounded once and not once an example.
  parallelFor(count, kRows, [&](size_t begin, size_t end) {
    std::vector<Term> terms;
    for (size_t i = begin; i < end; i++) {
      const size_t u = targets.own()[i], row = targets.ownRows()[i];
      terms.assign(1, {1, &pass.rows[pass.place[u] * n]});
      for (uint32_t entry = targets.classPtr()[u]; entry < targets.classPtr()[u + 1]; entry++) {
        const uint32_t k = targets.byClass()[entry];
        terms.push_back({-eta * pass.gaHat[k], x + targets.example(k) * n});
      }
      kernels().combine(weights_.v.raw(row), terms.data(), terms.size(), n);
      weights_.v.markWritten(row);
    }
  });
}

void ExactHead::catchUp() { weights_.v.sweepAll(); }

void ExactHead::refresh() {
  weights_.refresh();
  stabiliser_.forgetEntries(weights_);
}

void ExactHead::archive(Archive& archive) {
  Head::archive(archive);
  weights_.archive(archive);
  archive.record("stabiliser", [&](ByteStream& stream) { stabiliser_.archive(stream); });
}

}  // namespace widehead
