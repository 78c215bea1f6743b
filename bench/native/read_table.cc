// What the memory gives: a table too large for the caches, read once from end to end by all threads.
#include <algorithm>
#include <vector>

#include "base/pages.h"
#include "base/pool.h"
#include "json_line.h"
#include "kernels/kernels.h"
#include "settings.h"

namespace bench {

using namespace widehead;

namespace {

constexpr size_t kStretch = 4096;  // floats a call of the kernel

// The largest number: one load and one comparison for each vector, so that memory alone is the limit.
void readAll(const float* x, size_t count, std::vector<float>& found) {
  parallelFor(found.size(), 1, [&](size_t begin, size_t end) {
    for (size_t part = begin; part < end; part++) {
      const size_t last = count * (part + 1) / found.size();
      float most = 0;
      for (size_t i = count * part / found.size(); i < last; i += kStretch) {
        most = std::max(most, kernels().largest(x + i, std::min(kStretch, last - i)));
      }
      found[part] = most;
    }
  });
}

}  // namespace

void benchRead(const Settings& settings) {
  // The first d sets the length of a row, as in a search over settings.classes rows.
  const size_t count = settings.classes * settings.d[0];
  std::vector<float> found(settings.threads);
  const Pages<float> small(count), large(count, Fill::Whole);
  for (const Pages<float>* pages : {&small, &large}) std::fill_n(pages->data(), count, 0.5f);
  const auto times = sample(
      {{[&] { readAll(small.data(), count, found); }}, {[&] { readAll(large.data(), count, found); }}}, settings.rigour);
  JsonLine line;
  const double bytes = 4e-9 * static_cast<double>(count);
  line.add("table", "read").add("isa", kernels().name).add("threads", static_cast<double>(settings.threads));
  line.add("gigabytes", bytes).add("smallPages", bytes / times[0].median).add("largePages", bytes / times[1].median);
}

}  // namespace bench
