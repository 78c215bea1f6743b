#include "index/head_index.h"

#include <algorithm>
#include <numeric>

#include "heads/top_k.h"

namespace widehead {

namespace {

// Hidden vectors with a 1 for the bias.
std::vector<float> queriesOf(const HeadConfig& config, const float* hidden, size_t m) {
  const size_t d = config.hiddenSize, n = d + (config.bias ? 1 : 0);
  std::vector<float> queries(m * n, 1.0f);
  for (size_t j = 0; j < m; j++) std::copy_n(hidden + j * d, d, &queries[j * n]);
  return queries;
}

ProductIndex indexOf(const Head& head, ProductIndexSettings settings) {
  std::vector<float> queries;
  if (settings.queries != nullptr) {
    queries = queriesOf(head.config(), settings.queries, settings.queryCount);
    settings.queries = queries.data();
  }
  const auto read = [&head](float* out, size_t first, size_t count) {
    std::vector<uint32_t> classes(count);
    std::iota(classes.begin(), classes.end(), static_cast<uint32_t>(first));
    head.rows(out, classes.data(), count);
  };
  return ProductIndex(head.config().numClasses, head.features(), read, settings);
}

}  // namespace

HeadIndex::HeadIndex(const Head& head, const ProductIndexSettings& settings, bool square)
    : config_(head.config()), square_(square), index_(indexOf(head, settings)) {}

void HeadIndex::search(int32_t* classes, float* logits, const float* hidden, size_t m,
                       const ProductSearch& search) const {
  std::vector<float> queries = queriesOf(config_, hidden, m);
  if (square_) return searchBothSigns(classes, logits, queries, m, search);
  index_.search(classes, logits, queries.data(), m, search);
}

// The largest squares are among the largest products with a query and those with its opposite.
void HeadIndex::searchBothSigns(int32_t* classes, float* logits, std::vector<float>& queries, size_t m,
                                const ProductSearch& search) const {
  const size_t k = search.k;
  std::vector<int32_t> ids[2];
  std::vector<float> products[2];
  for (int sign = 0; sign < 2; sign++) {
    ids[sign].resize(m * k);
    products[sign].resize(m * k);
    index_.search(ids[sign].data(), products[sign].data(), queries.data(), m, search);
    for (float& x : queries) x = -x;
  }
  std::vector<Ranked> best;
  for (size_t j = 0; j < m; j++) {
    best.clear();
    for (int sign = 0; sign < 2; sign++) {
      for (size_t i = j * k; i < (j + 1) * k; i++) {
        const float output = sign == 0 ? products[0][i] : -products[1][i];
        best.push_back({output * output, output, static_cast<uint32_t>(ids[sign][i])});
      }
    }
    // A class that both found has one output, so that its two entries come together.
    std::sort(best.begin(), best.end(), ranksBefore);
    const auto same = [](const Ranked& a, const Ranked& b) { return a.id == b.id; };
    best.erase(std::unique(best.begin(), best.end(), same), best.end());
    for (size_t i = 0; i < k; i++) {
      classes[j * k + i] = static_cast<int32_t>(best[i].id);
      logits[j * k + i] = best[i].score;
    }
  }
}

}  // namespace widehead
