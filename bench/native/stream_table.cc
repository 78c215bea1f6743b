// How fast the caches feed a working set: the bound on a step that reads and writes d x d matrices for a few examples.
#include "json_line.h"
#include "kernels/kernels.h"
#include "settings.h"

namespace bench {

using namespace widehead;

void benchStream(const Settings& settings) {
  for (size_t d : settings.d) {
    // As many bytes as an exact head's three matrices in two words have, half of them read, half read and written.
    const size_t count = 3 * d * d;
    const auto x = randomFloats(count, 1), y = randomFloats(count, 2);
    const auto times = sample({{[&] { kernels().axpy(y.data(), 1e-6f, x.data(), count); }}}, settings.rigour);
    JsonLine line;
    line.add("table", "stream").add("isa", kernels().name).add("d", static_cast<double>(d));
    line.add("gigabytes", 12e-9 * static_cast<double>(count) / times[0].median);
  }
}

}  // namespace bench
