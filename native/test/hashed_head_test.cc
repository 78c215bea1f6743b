// The heads that hash the rows of W: what they choose for a minibatch, and how far their tables lag behind.
#include <algorithm>
#include <set>

#include "base/pool.h"
#include "check.h"
#include "heads/lsh_softmax_head.h"
#include "heads/wta_softmax_head.h"

using namespace widehead;

namespace {

constexpr size_t kClasses = 400, kSize = 12, kExamples = 9;

template <class Base, class Settings>
class Opened : public Base {
 public:
  Opened(bool bias, const Settings& settings)
      : Base({kClasses, kSize, bias}, {InitConfig::Normal, 0.3, 5, nullptr, nullptr}, {"sgd"}, settings) {}
  using Base::choose;
  using Base::index_;
  using Base::table_;

  // How many rows do not lie where their weights say, of those that were not touched since the tables were last brought up to date
  // and of the others.
  size_t misplaced(const ClassIndex& fresh) const {
    size_t count = 0;
    for (uint32_t id = 0; id < kClasses; id++) {
      const size_t tables = index_.tables().tables();
      count += !std::equal(fresh.tables().codes(id), fresh.tables().codes(id) + tables, index_.tables().codes(id));
    }
    return count;
  }
};
using OpenWta = Opened<WtaSoftmaxHead, WtaSettings>;
using OpenLsh = Opened<LshSampledSoftmaxHead, LshSettings>;

HashedSettings hashed(const char* kind, size_t features, size_t hashes, bool augment = false) {
  HashedSettings settings;
  settings.index.hash = {kind, features, 10, hashes, 4, 16, 99};
  settings.index.augment = augment;
  settings.rehashEvery = 10;
  settings.bucketLimit = 1000;
  settings.perExample = false;
  settings.seed = 3;
  return settings;
}

struct Batch {
  std::vector<float> hidden = check::normals(kExamples * kSize, 1);
  std::vector<uint32_t> indptr = {0}, indices;

  explicit Batch(uint64_t seed) {
    hidden = check::normals(kExamples * kSize, seed);
    for (size_t j = 0; j < kExamples; j++) {
      for (size_t i = 0; i < j % 3; i++)
        indices.push_back(static_cast<uint32_t>(randomBits(seed, j * 3 + i) % kClasses));
      indptr.push_back(static_cast<uint32_t>(indices.size()));
    }
  }
  TargetsInput targets() const {
    return {kExamples, indptr.data(), indices.data(), indices.size(), nullptr, true, true};
  }
};

template <class Opened>
const Candidates& chosen(const Opened& head, HashedPass& pass, const Batch& batch) {
  pass.assign(head.config(), batch.hidden.data(), batch.targets());
  pass.softmax.candidates.all = false;
  head.choose(pass.softmax.candidates, pass);
  return pass.softmax.candidates;
}

template <class Opened>
void step(Opened& head, HashedPass& pass, const Batch& batch, double rate) {
  pass.assign(head.config(), batch.hidden.data(), batch.targets());
  head.score(pass);
  head.differentiate(pass);
  head.apply(pass, {rate, 0, std::numeric_limits<double>::infinity()});
}

bool rises(const std::vector<uint32_t>& ids, size_t begin, size_t end) {
  return std::is_sorted(ids.begin() + begin, ids.begin() + end) &&
         std::adjacent_find(ids.begin() + begin, ids.begin() + end) == ids.begin() + end;
}

void checkCandidates(const Candidates& candidates, const HashedPass& pass) {
  const std::vector<uint32_t>& classes = candidates.rows;
  CHECK(rises(classes, 0, classes.size()) && (classes.empty() || classes.back() < kClasses));
  for (const uint32_t id : pass.targets.unique()) CHECK(std::binary_search(classes.begin(), classes.end(), id));
  if (candidates.indptr.empty()) return;
  CHECK(candidates.indptr.size() == kExamples + 1 && candidates.indptr.back() == candidates.places.size());
  std::set<uint32_t> seen;
  for (size_t j = 0; j < kExamples; j++) {
    const size_t begin = candidates.indptr[j], end = candidates.indptr[j + 1];
    CHECK(rises(candidates.places, begin, end));
    std::set<uint32_t> own;
    for (size_t i = begin; i < end; i++) own.insert(classes[candidates.places[i]]);
    seen.insert(own.begin(), own.end());
    for (size_t k = pass.targets.indptr()[j]; k < pass.targets.indptr()[j + 1]; k++) {
      CHECK(own.count(pass.targets.unique()[pass.targets.slot(k)]) == 1);
    }
  }
  CHECK(seen.size() == classes.size());
}

// A fresh index of the same weights.
template <class Opened>
ClassIndex rebuilt(const Opened& head, const IndexSettings& settings) {
  return ClassIndex(settings, kClasses,
                    [&](float* out, const uint32_t* ids, size_t n) { head.table_.gather(out, ids, n); });
}

}  // namespace

TEST(wta_shares_the_best_of_each_example) {
  WtaSettings settings{hashed("wta", kSize, 2), 20, 50};
  const OpenWta head(false, settings);
  HashedPass pass;
  for (uint64_t seed = 0; seed < 5; seed++) {
    const Candidates& candidates = chosen(head, pass, Batch(seed));
    checkCandidates(candidates, pass);
    CHECK(candidates.indptr.empty() && candidates.correction.empty());
    CHECK(candidates.rows.size() == 50 + pass.targets.numUnique());
    for (size_t j = 0; j < kExamples; j++) {  // everyone's first ones are in
      for (size_t i = 0; i < 3; i++) {
        const uint32_t id = pass.retrieval.query.ids(j)[i];
        CHECK(std::binary_search(candidates.rows.begin(), candidates.rows.end(), id));
      }
    }
  }
}

TEST(candidates_of_their_own) {
  WtaSettings wta{hashed("wta", kSize + 1, 2), 20, 50};
  wta.perExample = true;
  const OpenWta byCount(true, wta);
  LshSettings lsh{hashed("simhash", kSize + 1, 5), 30, false, false};
  lsh.perExample = true;
  const OpenLsh drawn(true, lsh);
  lsh.labelQuery = true;
  const OpenLsh byLabel(true, lsh);
  HashedPass pass;
  for (uint64_t seed = 0; seed < 5; seed++) {
    const Batch batch(seed);
    const auto ownCount = [&](const Candidates& candidates, size_t j) {
      return candidates.indptr[j + 1] - candidates.indptr[j] - (pass.targets.indptr()[j + 1] - pass.targets.indptr()[j]);
    };
    checkCandidates(chosen(byCount, pass, batch), pass);
    for (size_t j = 0; j < kExamples; j++) CHECK(ownCount(pass.softmax.candidates, j) <= 20);
    for (const OpenLsh* head : {&drawn, &byLabel}) {
      checkCandidates(chosen(*head, pass, batch), pass);
      // What the buckets lack is made up at random; a target that was found too leaves its place to nobody.
      for (size_t j = 0; j < kExamples; j++) CHECK(ownCount(pass.softmax.candidates, j) == 30);
    }
  }
}

TEST(correction_is_the_logarithm_of_the_share_drawn) {
  const OpenLsh head(false, {hashed("simhash", kSize, 6), 60, false, true});
  HashedPass pass;
  const Candidates& candidates = chosen(head, pass, Batch(4));
  checkCandidates(candidates, pass);
  const size_t targets = pass.targets.numUnique();
  CHECK(candidates.rows.size() == 60 + targets);
  CHECK(candidates.correction.size() == candidates.rows.size());
  size_t drawn = 0;
  for (const float correction : candidates.correction) drawn += correction != 0;
  CHECK(drawn >= 30);
  const double p = static_cast<double>(drawn) / static_cast<double>(kClasses - (candidates.rows.size() - drawn));
  for (const float correction : candidates.correction) {
    if (correction != 0) CHECK_NEAR(correction, std::log(p), 1e-6);
  }
  for (size_t i = 0; i < candidates.rows.size(); i++) {
    const auto& unique = pass.targets.unique();
    if (std::binary_search(unique.begin(), unique.end(), candidates.rows[i])) CHECK(candidates.correction[i] == 0);
  }
}

TEST(every_other_class_is_drawn_equally_often) {
  IdCounter seen;
  for (const size_t count : {20, 70}) {  // a few of the 90 others, and most of them
    std::vector<double> drawn(100);
    constexpr size_t kRounds = 4000;
    for (uint64_t round = 0; round < kRounds; round++) {
      seen.start(10 + count, 100);
      for (uint32_t id = 0; id < 10; id++) seen.add(10 * id);
      std::vector<uint32_t> out;
      drawOthers(out, seen, count, 100, round);
      CHECK((std::set<uint32_t>(out.begin(), out.end()).size() == count));
      for (const uint32_t id : out) drawn[id]++;
    }
    const double p = static_cast<double>(count) / 90, expected = kRounds * p;
    double chiSquare = 0;
    for (size_t id = 0; id < 100; id++) {
      if (id % 10 == 0) CHECK(drawn[id] == 0);
      else chiSquare += (drawn[id] - expected) * (drawn[id] - expected) / (expected * (1 - p));
    }
    CHECK(chiSquare < 89 + 5 * std::sqrt(2.0 * 89));
  }
  seen.start(100, 100);
  std::vector<uint32_t> all;
  drawOthers(all, seen, 500, 100, 1);
  CHECK(all.size() == 100);
}

TEST(tables_agree_with_a_rebuild_after_a_thousand_steps) {
  const size_t before = threads();
  const auto train = [](auto& head, const IndexSettings& index) {
    HashedPass pass;
    size_t behind = 0;
    for (uint64_t t = 0; t < 1000; t++) {
      step(head, pass, Batch(t % 40), 0.3);
      if (t % 100 != 55) continue;
      // Only rows that were touched since may lie elsewhere than their weights say.
      const size_t misplaced = head.misplaced(rebuilt(head, index));
      CHECK(misplaced <= head.index_.touched());
      behind += misplaced;
    }
    CHECK(behind > 0);
    CHECK(head.index_.touched() == 0);
    const ClassIndex fresh = rebuilt(head, index);
    CHECK(head.misplaced(fresh) == 0);
    CHECK(head.index_.rebuilds() > 0);
    for (size_t t = 0; t < 10; t++) {
      for (uint32_t b = 0; b < fresh.tables().buckets(); b++) {
        std::set<uint32_t> kept, right;
        head.index_.tables().visit(t, b, 0, [&](uint32_t id) { return kept.insert(id).second; }, [](uint32_t) {});
        fresh.tables().visit(t, b, 0, [&](uint32_t id) { return right.insert(id).second; }, [](uint32_t) {});
        CHECK(kept == right);
      }
    }
  };
  for (const size_t count : {1, 3}) {
    setThreads(count);
    const WtaSettings wta{hashed("wta", kSize + 1, 2), 20, 50};
    OpenWta byCount(true, wta);
    train(byCount, wta.index);
    const LshSettings dense{hashed("dwta", kSize, 2), 60, true, false};
    OpenLsh byLabel(false, dense);
    train(byLabel, dense.index);
  }
  setThreads(before);
}

TEST(augmented_rows_are_ordered_by_their_product) {
  // One long row at an angle and many short ones straight ahead: w . h is largest for the long one.
  IndexSettings settings;
  settings.hash = {"simhash", 2, 200, 8, 2, 16, 1};
  std::vector<float> rows(2 * 50);
  for (size_t i = 0; i < 50; i++) {
    rows[2 * i] = i == 7 ? 3.0f : 0.2f;
    rows[2 * i + 1] = i == 7 ? 3.0f : 0.0f;
  }
  const float query[] = {1, 0};
  const auto best = [&](bool augment) {
    settings.augment = augment;
    const ClassIndex index(settings, 50, [&](float* out, const uint32_t* ids, size_t n) {
      for (size_t i = 0; i < n; i++) std::copy_n(&rows[2 * ids[i]], 2, out + 2 * i);
    });
    std::vector<uint32_t> buckets(200);
    HashScratch scratch;
    Buffer<float> augmented;
    index.hash(buckets.data(), query, 1, scratch, augmented);
    CandidateQuery candidates;
    candidates.byCount(index.tables(), buckets.data(), 1, {1});
    return candidates.ids(0)[0];
  };
  CHECK(best(true) == 7);
  CHECK(best(false) == 0);
}

TEST_MAIN
