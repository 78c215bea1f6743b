// How an index is searched.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/pool.h"
#include "base/prefetch.h"
#include "heads/top_k.h"
#include "index/product_index.h"
#include "kernels/kernels.h"
#include "linalg/tiles.h"

namespace widehead {

namespace {

constexpr size_t kTogether = 64;  // queries whose products with all centres are formed at once
constexpr size_t kAhead = 4;      // rows of the shortlist asked for before they are needed
constexpr size_t kBlocks = Shortlist::kBatch / kCodeRows;
constexpr size_t kCentres = 64;  // taken at a time
constexpr size_t kFewest = 4;    // fewer at a time would be summed in another order
// What has no place in an order, the difference of two infinities, comes last.
constexpr float kLast = -std::numeric_limits<float>::max();

}  // namespace

// What one thread needs for one query; the plan of a query that several threads share is the first one's.
struct ProductIndex::Prober {
  explicit Prober(const ProductIndex& index, const ProductSearch& search)
      : query(index.features_), rotated(index.features_), order(index.lists_.size()) {
    found.start(search.shortlist);
    best.reserve(search.shortlist);
  }

  CodedQuery query;
  Buffer<float> rotated;
  std::vector<Probe> order;  // the lists, those to search first
  size_t probes = 0;
  Shortlist found;
  std::vector<Ranked> best;
};

// Every product by the same kernel, because the result of a query must not depend on how many are searched for with it.
void ProductIndex::multiplyCentres(float* out, ConstMatrixF queries) const {
  parallelFor(ceilDiv(cells_, kCentres), 8, [&](size_t first, size_t last) {
    for (size_t chunk = first; chunk < last; chunk++) {
      const size_t end = std::min((chunk + 1) * kCentres, cells_);
      const size_t begin = end - chunk * kCentres < kFewest && cells_ >= kFewest ? end - kFewest : chunk * kCentres;
      kernels().dots(out + begin, static_cast<ptrdiff_t>(cells_), queries.data, queries.rowStride, queries.rows,
                     &centres_[begin * features_], static_cast<ptrdiff_t>(features_), end - begin, features_);
    }
  });
}

void ProductIndex::prepare(Prober& prober, const float* query, const float* toCentres,
                           const ProductSearch& search) const {
  std::copy_n(query, features_, prober.rotated.data());
  rotation_.apply(prober.rotated.data());
  prober.query.assign(prober.rotated.data(), features_);
  const float length = static_cast<float>(std::sqrt(kernels().dotDouble(query, query, features_)));
  std::vector<Probe>& order = prober.order;
  for (size_t i = 0; i < order.size(); i++)
    order[i] = {std::max(kLast, promise(lists_[i], toCentres, length)), static_cast<uint32_t>(i)};
  const auto before = [](const Probe& a, const Probe& b) {
    return a.promise != b.promise ? a.promise > b.promise : a.list < b.list;
  };
  // Twice as many until they hold enough rows.
  for (prober.probes = std::min(search.probes, order.size());;
       prober.probes = std::min(2 * prober.probes, order.size())) {
    const auto end = order.begin() + static_cast<ptrdiff_t>(prober.probes);
    if (end != order.end()) std::nth_element(order.begin(), end, order.end(), before);
    size_t rows = 0;
    for (auto probe = order.begin(); probe != end; ++probe) rows += lists_[probe->list].size;
    if (rows < search.k && end != order.end()) continue;
    std::sort(order.begin(), end, before);
    return;
  }
}

// Lists first, first + step ... of the plan.
void ProductIndex::scan(Prober& prober, const Prober& plan, const float* toCentres, size_t first, size_t step) const {
  for (size_t i = first; i < plan.probes; i += step) {
    const List& list = lists_[plan.order[i].list];
    scanList(prober.found, list, toCentres[list.cell], plan.query);
  }
}

void ProductIndex::scanList(Shortlist& found, const List& list, float toCentre, const CodedQuery& query) const {
  int32_t sums[Shortlist::kBatch];
  float estimates[Shortlist::kBatch];
  const size_t blocks = ceilDiv(list.size, kCodeRows), groups = codeGroups(features_);
  for (size_t done = 0; done < blocks; done += kBlocks) {
    const size_t count = std::min(kBlocks, blocks - done), place = (list.block + done) * kCodeRows;
    kernels().codeDots(sums, &codes_[codeBytes(list.block + done, features_)], count, groups, query.numbers.data());
    const float* scales = &scales_[place];
    for (size_t i = 0; i < count * kCodeRows; i++) {
      estimates[i] =
          std::max(kLast, toCentre + scales[i] * (query.scale * (static_cast<float>(sums[i]) - query.offset)));
    }
    found.offer(estimates, std::min(count * kCodeRows, list.size - done * kCodeRows), place);
  }
}

void ProductIndex::searchOne(int32_t* ids, float* products, const float* query, const float* toCentres,
                             const ProductSearch& search, std::vector<Prober>& probers) const {
  Prober& plan = probers[0];
  prepare(plan, query, toCentres, search);
  for (Prober& prober : probers) prober.found.start(search.shortlist);
  parallelFor(probers.size(), 1, [&](size_t begin, size_t end) {
    for (size_t part = begin; part < end; part++) scan(probers[part], plan, toCentres, part, probers.size());
  });
  for (size_t part = 1; part < probers.size(); part++) plan.found.add(probers[part].found);
  const std::vector<Shortlist::Item>& found = plan.found.finish();
  plan.best.clear();
  for (size_t i = 0; i < found.size(); i++) {
    if (i + kAhead < found.size()) prefetchFloats(&rows_[ids_[found[i + kAhead].place] * features_], features_);
    const uint32_t id = ids_[found[i].place];
    const float product = kernels().dot(query, &rows_[id * features_], features_);
    plan.best.push_back({std::max(kLast, product), product, id});
  }
  std::partial_sort(plan.best.begin(), plan.best.begin() + static_cast<ptrdiff_t>(search.k), plan.best.end(),
                    ranksBefore);
  for (size_t i = 0; i < search.k; i++) {
    ids[i] = static_cast<int32_t>(plan.best[i].id);
    products[i] = plan.best[i].score;
  }
}

// All threads on one query after the other.
void ProductIndex::searchInTurn(int32_t* ids, float* products, ConstMatrixF queries, const ProductSearch& search) const {
  Buffer<float> toCentres(queries.rows * cells_);
  multiplyCentres(toCentres.data(), queries);
  std::vector<Prober> probers;
  for (size_t part = 0; part < std::min(teamThreads(), search.probes); part++) probers.emplace_back(*this, search);
  for (size_t j = 0; j < queries.rows; j++) {
    searchOne(ids + j * search.k, products + j * search.k, queries.row(j), &toCentres[j * cells_], search, probers);
  }
}

// Each thread on queries of its own.
void ProductIndex::searchAtOnce(int32_t* ids, float* products, ConstMatrixF queries, const ProductSearch& search) const {
  const size_t parts = teamThreads(), together = std::min(kTogether, ceilDiv(queries.rows, parts));
  Buffer<float> toCentres(parts * together * cells_);
  std::vector<std::vector<Prober>> probers(parts);
  for (std::vector<Prober>& own : probers) own.emplace_back(*this, search);
  parallelFor(parts, 1, [&](size_t first, size_t last) {
    for (size_t part = first; part < last; part++) {
      const size_t end = queries.rows * (part + 1) / parts;
      float* scores = &toCentres[part * together * cells_];
      for (size_t begin = queries.rows * part / parts; begin < end; begin += together) {
        const size_t n = std::min(together, end - begin);
        multiplyCentres(scores, queries.rowRange(begin, begin + n));
        for (size_t j = begin; j < begin + n; j++) {
          searchOne(ids + j * search.k, products + j * search.k, queries.row(j), scores + (j - begin) * cells_, search,
                    probers[part]);
        }
      }
    }
  });
}

void ProductIndex::search(int32_t* ids, float* products, const float* queries, size_t m,
                          const ProductSearch& search) const {
  const ConstMatrixF all(queries, m, features_);
  m < teamThreads() ? searchInTurn(ids, products, all, search) : searchAtOnce(ids, products, all, search);
}

}  // namespace widehead
