#include "heads/row_retrieval.h"

#include <algorithm>
#include <exception>

namespace widehead {

namespace {

constexpr size_t kShare = 4;     // an example offers so many times its share of the classes: lists overlap
constexpr size_t kAtLeast = 16;  // and so many
constexpr size_t kSpare = 2;     // of its own an example has so many times as it wants: some are seen by all

}  // namespace

RowRetrieval::RowRetrieval(const RetrievalSettings& settings, const RowStore& v)
    : settings_(settings), v_(v), index_(settings.index, v.rows(), [this](float* out, const uint32_t* ids, size_t n) {
        const size_t features = v_.features();
        Buffer<float> rows(n * features);
        std::vector<uint32_t> order;
        v_.gather(rows.data(), order, ids, n);
        for (size_t i = 0; i < n; i++) std::copy_n(&rows[i * features], features, out + order[i] * features);
      }) {}

void RowRetrieval::search(RetrievalScratch& scratch, ConstMatrixF hu, uint64_t version) const {
  const size_t m = hu.rows;
  index_.hash(scratch.buckets.reserve(m * index_.tables().tables()), hu.data, m, scratch.hash, scratch.augmented);
  const size_t forAll = settings_.limit > 0 ? std::max(kAtLeast, kShare * settings_.limit / m) : 0;
  const size_t keep = std::min(v_.rows(), std::max(forAll, kSpare * settings_.perExample));
  scratch.query.byCount(index_.tables(), scratch.buckets.data(), m, {keep, settings_.bucketLimit, version});
}

void RowRetrieval::unite(std::vector<uint32_t>& classes, RetrievalScratch& scratch) const {
  const std::vector<uint32_t>& found = scratch.query.unite(settings_.limit, classes.data(), classes.size(), v_.rows());
  classes.insert(classes.end(), found.begin(), found.end());
  std::sort(classes.begin(), classes.end());
}

void RowRetrieval::afterStep(uint64_t version) {
  if (version % settings_.rehashEvery != 0) return;
  if (16 * (v_.log().end() - hashedAt_) > v_.features()) {
    try {
      index_.touchAll();
      hashedAt_ = v_.log().end();
    } catch (const std::exception&) {
      // Too little memory, after a step that has been made: the next time, then.
    }
  }
  index_.refresh();
}

void RowRetrieval::archive(Archive& archive) {
  archive.record("hashedAt", [&](ByteStream& stream) { stream.number(hashedAt_); });
  index_.archive(archive);
}

}  // namespace widehead
