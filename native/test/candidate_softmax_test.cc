// The softmax over candidates against the definition in float64: losses, gradients for hidden vectors and rows, updates.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/pool.h"
#include "check.h"
#include "heads/candidate_softmax.h"
#include "softmax_reference.h"

using namespace widehead;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Problem {
  size_t numClasses, d, m;
  bool bias = true;
  size_t features() const { return d + (bias ? 1 : 0); }
  RowTable table() const {
    return {numClasses, d, features(), {InitConfig::Normal, 0.5, 3, nullptr, nullptr}, {"sgd"}};
  }
};

// Every third example has no target, the others one to three of the first 20 classes.
struct Batch : Pass {
  explicit Batch(const Problem& problem) {
    std::vector<uint32_t> indptr = {0}, indices;
    for (uint32_t j = 0; j < problem.m; j++) {
      for (uint32_t k = 0; k < j % 3; k++)
        indices.push_back(static_cast<uint32_t>((7 * j + 3 * k) % std::min<size_t>(20, problem.numClasses)));
      indptr.push_back(static_cast<uint32_t>(indices.size()));
    }
    std::vector<float> values = check::normals(indices.size(), 4);
    for (float& x : values) x = std::fabs(x);
    assign({problem.numClasses, problem.d, problem.bias}, check::normals(problem.m * problem.d, 5).data(),
           {problem.m, indptr.data(), indices.data(), indices.size(), values.data()});
  }
};

SoftmaxReference reference(const Problem& problem, const RowTable& table, const Batch& batch,
                           const Candidates& candidates) {
  return softmaxReference(table.row(0), problem.numClasses, problem.d, problem.features(), batch, candidates);
}

template <class T>
double relativeError(const T* x, const std::vector<double>& truth) {
  double error = 0, size = 0;
  for (size_t i = 0; i < truth.size(); i++) {
    error += (x[i] - truth[i]) * (x[i] - truth[i]);
    size += truth[i] * truth[i];
  }
  return std::sqrt(error / size);
}

void checkAgainstReference(const Problem& problem, CandidateSoftmax& softmax, double clipNorm) {
  RowTable table = problem.table();
  Batch batch(problem);
  const SoftmaxReference right = reference(problem, table, batch, softmax.candidates);
  std::vector<double> expected(table.row(0), table.row(0) + problem.numClasses * problem.features());
  const double clip = right.norm > clipNorm ? clipNorm / right.norm : 1;
  for (size_t i = 0; i < expected.size(); i++) expected[i] -= 0.5 * clip * right.gradient[i];

  softmax.score(table, batch);
  CHECK_NEAR(relativeError(batch.losses.data(), right.losses), 0, 1e-6);
  softmax.differentiate(table, batch);
  CHECK_NEAR(relativeError(batch.dHidden.data(), right.dHidden), 0, 2e-6);
  CHECK_NEAR(softmax.apply(table, batch, {0.5, 0, clipNorm}), right.norm, 2e-6 * right.norm);
  CHECK_NEAR(relativeError(table.row(0), expected), 0, 2e-7);
  // A pass for its losses alone has the same ones.
  const std::vector<double> losses(batch.losses.data(), batch.losses.data() + problem.m);
  RowTable fresh = problem.table();
  softmax.score(fresh, batch, false);
  CHECK(std::equal(losses.begin(), losses.end(), batch.losses.data()));
}

// Every class whose id is below 20 or a multiple of `stride`, those not targets of anything with a correction.
Candidates some(const Problem& problem, size_t stride) {
  Candidates candidates;
  for (uint32_t c = 0; c < problem.numClasses; c++) {
    if (c >= 20 && c % stride != 0) continue;
    candidates.rows.push_back(c);
    candidates.correction.push_back(c < 20 ? 0 : -0.1f * static_cast<float>(c % 30));
  }
  return candidates;
}

// Example j sees the first 20 and every (j + 2)nd of the others.
void limit(Candidates& candidates, size_t m) {
  candidates.indptr = {0};
  for (size_t j = 0; j < m; j++) {
    for (uint32_t i = 0; i < candidates.rows.size(); i++) {
      if (i < 20 || i % (j + 2) == 0) candidates.places.push_back(i);
    }
    candidates.indptr.push_back(static_cast<uint32_t>(candidates.places.size()));
  }
}

}  // namespace

TEST(all_classes_in_one_block) {
  for (bool bias : {false, true}) {
    check::eachIsa([&] {
      CandidateSoftmax softmax;
      softmax.candidates.all = true;
      checkAgainstReference({300, 9, 7, bias}, softmax, kInfinity);
      checkAgainstReference({300, 9, 7, bias}, softmax, 0.01);
    });
  }
}

TEST(all_classes_in_many_blocks_held_or_computed_again) {
  for (size_t m : {10u, 220u}) {
    for (double clip : {kInfinity, 0.01}) {
      if (check::kSanitized && m > 10 && clip == kInfinity) continue;
      CandidateSoftmax softmax;
      softmax.candidates.all = true;
      checkAgainstReference({40000, 3, m, true}, softmax, clip);
    }
  }
}

TEST(some_classes_with_corrections) {
  for (size_t m : {7u, 230u}) {
    CandidateSoftmax softmax;
    const Problem problem = {80000, 3, m, true};
    softmax.candidates = some(problem, 2);
    checkAgainstReference(problem, softmax, 0.01);
    if (check::kSanitized && m > 7) continue;
    checkAgainstReference(problem, softmax, kInfinity);
  }
}

TEST(candidates_of_each_example) {
  for (double clip : {kInfinity, 0.01}) {
    CandidateSoftmax softmax;
    const Problem problem = {40000, 5, 11, true};
    softmax.candidates = some(problem, 2);
    limit(softmax.candidates, problem.m);
    checkAgainstReference(problem, softmax, clip);
  }
}

TEST(logits_far_apart_do_not_overflow) {
  CandidateSoftmax softmax;
  softmax.candidates.all = true;
  const Problem problem = {50, 4, 6, false};
  RowTable table(50, 4, 4, {InitConfig::Normal, 100, 3, nullptr, nullptr}, {"sgd"});
  Batch batch(problem);
  const SoftmaxReference right = reference(problem, table, batch, softmax.candidates);
  softmax.score(table, batch);
  softmax.differentiate(table, batch);
  CHECK_NEAR(relativeError(batch.losses.data(), right.losses), 0, 1e-5);
  CHECK_NEAR(relativeError(batch.dHidden.data(), right.dHidden), 0, 1e-4);
}

TEST(logits_that_overflow_are_an_error) {
  CandidateSoftmax softmax;
  softmax.candidates.all = true;
  const Problem problem = {50, 4, 6, false};
  RowTable table(50, 4, 4, {InitConfig::Normal, 3e38, 3, nullptr, nullptr}, {"sgd"});
  Batch batch(problem);
  bool thrown = false;
  try {
    softmax.score(table, batch);
  } catch (const Error& error) {
    thrown = std::string(error.code) == "WIDEHEAD_LOSS";
  }
  CHECK(thrown);
}

TEST(the_number_of_threads_changes_nothing) {
  const size_t before = threads();
  const Problem problem = {40000, 17, 33, true};
  for (bool own : {false, true}) {
    std::vector<std::vector<float>> runs;
    for (size_t count : {1u, 2u, 5u}) {
      setThreads(count);
      CandidateSoftmax softmax;
      softmax.candidates = some(problem, 3);
      if (own) limit(softmax.candidates, problem.m);
      RowTable table = problem.table();
      Batch batch(problem);
      softmax.score(table, batch);
      softmax.differentiate(table, batch);
      softmax.apply(table, batch, {0.5, 0, 0.01});
      runs.emplace_back(table.row(0), table.row(0) + problem.numClasses * problem.features());
      runs.back().insert(runs.back().end(), batch.dHidden.data(), batch.dHidden.data() + problem.m * problem.d);
    }
    setThreads(before);
    CHECK(runs[1] == runs[0] && runs[2] == runs[0]);
  }
}

TEST_MAIN
