// The softmax heads on several ranks, against the softmax over the union of the ranks' candidates in float64.

#include "softmax_on_ranks.h"
#include "softmax_reference.h"

namespace {

using namespace softmax_on_ranks;

const Candidates& candidatesOf(const Pass& pass) { return static_cast<const SoftmaxPass&>(pass).softmax.candidates; }

// The candidates of all ranks, by class.
Candidates united(const Ranks& ranks) {
  struct Seen {
    float correction;
    std::vector<bool> examples;
  };
  std::map<uint32_t, Seen> all;
  const size_t m = ranks.passes[0]->m;
  bool own = false;
  for (size_t r = 0; r < ranks.size; r++) {
    const Shard shard{r, ranks.size};
    const Candidates& part = candidatesOf(*ranks.passes[r]);
    const size_t count = part.all ? shard.rows(ranks.config.numClasses) : part.rows.size();
    for (size_t i = 0; i < count; i++) {
      Seen seen{part.all || part.correction.empty() ? 0 : part.correction[i], std::vector<bool>(m, true)};
      if (!part.all && !part.indptr.empty()) {
        own = true;
        for (size_t j = 0; j < m; j++) {
          seen.examples[j] = std::binary_search(part.places.begin() + part.indptr[j],
                                                part.places.begin() + part.indptr[j + 1], static_cast<uint32_t>(i));
        }
      }
      CHECK(all.emplace(shard.classOf(part.rowAt(i)), seen).second);
    }
  }
  Candidates result;
  for (const auto& [id, seen] : all) {
    result.rows.push_back(id);
    result.correction.push_back(seen.correction);
  }
  if (!own) return result;
  result.indptr = {0};
  for (size_t j = 0; j < m; j++) {
    uint32_t place = 0;
    for (const auto& [id, seen] : all) {
      if (seen.examples[j]) result.places.push_back(place);
      place++;
    }
    result.indptr.push_back(static_cast<uint32_t>(result.places.size()));
  }
  return result;
}

// Each step judged by itself, so that a small difference does not choose other candidates.
void judge(const Kind& kind, const HeadConfig& config, size_t size, size_t m, const ApplyOptions& options,
           size_t steps = 8) {
  const size_t d = config.hiddenSize;
  Ranks ranks = ranksOf(kind, config, size);
  const size_t n = ranks.heads[0]->features();
  for (size_t step = 0; step < steps; step++) {
    const std::vector<float> before = ranks.rows();
    const StepResult actual = ranks.step(randomBatch(config, m, step), options);
    const Pass& pass = *ranks.passes[0];
    const SoftmaxReference right = softmaxReference(before.data(), config.numClasses, d, n, pass, united(ranks));
    double loss = 0;
    for (const double each : right.losses) loss += each / static_cast<double>(m);
    CHECK_NEAR(actual.loss, loss, 1e-5 * (1 + loss));
    CHECK_NEAR(relativeError(actual.dHidden, right.dHidden), 0, 5e-6);
    CHECK_NEAR(actual.gradNorm, right.norm, 5e-6 * (1 + right.norm));
    const double clip = right.norm > options.clipNorm ? options.clipNorm / right.norm : 1;
    std::vector<double> expected(before.begin(), before.end());
    for (size_t i = 0; i < expected.size(); i++) expected[i] -= options.learningRate * clip * right.gradient[i];
    CHECK_NEAR(relativeError(ranks.rows(), expected), 0, 5e-7);
  }
}

}  // namespace

TEST(every_kind_is_the_softmax_over_the_candidates_of_all_ranks) {
  for (const Kind& kind : kKinds) {
    for (const size_t size : {size_t{1}, size_t{2}, size_t{4}, size_t{7}}) {
      for (const size_t m : {size_t{1}, size_t{6}, size_t{11}}) {  // shares of different sizes, some of them none
        judge(kind, {60, 10, m != 6}, size, m, rate(0.5));
        judge(kind, {61, 10, true}, size, m, rate(0.5, 0, 0.05));
      }
    }
  }
}

TEST(each_rank_finds_its_share) {
  const HeadConfig config = {60, 10, true};
  for (const size_t size : {size_t{1}, size_t{2}, size_t{4}}) {
    const size_t share = (15 + size - 1) / size;
    for (const Kind& kind : {wta("wta", 6, 15, false), lsh("lsh", 15, false, true, false)}) {
      Ranks ranks = ranksOf(kind, config, size);
      ranks.step(randomBatch(config, 9, 1), rate(0.1));
      for (const auto& pass : ranks.passes) {
        const size_t others = candidatesOf(*pass).rows.size() - pass->targets.own().size();
        CHECK(std::string(kind.name) == "wta" ? others <= share && others > 0 : others == share);
      }
    }
  }
}

TEST(classes_like_a_label_are_found_on_ranks_that_do_not_hold_it) {
  constexpr size_t kAlike = 6;  // classes in a row of the same weights
  const HeadConfig config = {60, 10, false};
  std::vector<float> weights = check::normals(600, 3);
  for (size_t id = 0; id < 60; id++) std::copy_n(&weights[id / kAlike * kAlike * 10], 10, &weights[id * 10]);
  const InitConfig init = {InitConfig::Weights, 0, 0, weights.data(), nullptr};
  LshSettings settings = {hashed(config, "simhash", 12, true), 20, true, false};
  settings.index.augment = false;
  Ranks ranks(config, 2, [&](const HeadConfig& own) {
    return std::make_unique<LshSampledSoftmaxHead>(own, init, OptimizerSettings{"sgd"}, settings);
  });
  Minibatch batch;
  batch.hidden = check::normals(50, 4);
  for (const uint32_t id : {3u, 58u, 20u, 21u, 41u}) {
    batch.classes.push_back(id);
    batch.values.push_back(1);
    batch.endExample();
  }
  ranks.step(batch, rate(0));
  for (size_t r = 0; r < 2; r++) {
    const Candidates& candidates = candidatesOf(*ranks.passes[r]);
    for (size_t j = 0; j < batch.m; j++) {
      size_t found = 0;
      for (size_t i = candidates.indptr[j]; i < candidates.indptr[j + 1]; i++) {
        const uint32_t id = Shard{r, 2}.classOf(candidates.rows[candidates.places[i]]);
        found += id / kAlike == batch.classes[j] / kAlike;
      }
      CHECK(found == kAlike / 2);
    }
  }
}

TEST(many_blocks_of_classes_on_some_ranks) {
  for (const double clip : {kInfinity, 0.01}) {
    judge(kKinds[0], {40'000, 3, true}, 3, 7, rate(0.5, 0, clip), 2);  // held
    if (check::kSanitized) continue;
    judge(kKinds[0], {33'000, 3, true}, 2, 600, rate(0.5, 0, clip), 1);  // computed again
  }
}

TEST_MAIN
