// Our kernels beside OpenBLAS: widehead_bench TABLE [--threads N] [--samples N] [--millis X] [--d N,N...] [--m N,N...]
// prints JSON lines. `npm run bench` runs it; alone it is of use under a profiler. OPENBLAS_CORETYPE decides which kernels
// OpenBLAS takes: look at the "core" of the table `about`, because it does not know every CPU.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/pool.h"
#include "base/rng.h"
#include "json_line.h"
#include "kernels/kernels.h"
#include "openblas.h"
#include "settings.h"

namespace bench {

widehead::Buffer<float> randomFloats(size_t count, size_t seed) {
  widehead::Buffer<float> values(count);
  // A large matrix repeats itself, which no product notices.
  constexpr size_t kPeriod = 1000003;
  for (size_t i = 0; i < count; i++) {
    values[i] = i < kPeriod ? static_cast<float>(widehead::randomUniform(seed, i) - 0.5) : values[i - kPeriod];
  }
  return values;
}

void benchAbout(const Settings&) {
  JsonLine line;
  line.add("isa", widehead::kernels().name);
  if (const OpenBlas* blas = openBlas()) {
    line.add("openblas", blas->config).add("core", blas->core);
  } else {
    line.addNull("openblas").addNull("core");
  }
}

}  // namespace bench

namespace {

struct Table {
  const char* name;
  void (*run)(const bench::Settings&);
};
const Table kTables[] = {
    {"about", bench::benchAbout},     {"peak", bench::benchPeak},   {"sgemm", bench::benchSgemm},
    {"kernels", bench::benchKernels}, {"dense", bench::benchDense}, {"trunk", bench::benchTrunk},
    {"stream", bench::benchStream},   {"read", bench::benchRead},
};

std::vector<size_t> readList(const char* text) {
  std::vector<size_t> list;
  for (char* end = nullptr; *text != '\0'; text = *end == ',' ? end + 1 : end) {
    list.push_back(std::strtoul(text, &end, 10));
    if (end == text) return {};
  }
  return list;
}

bool readOption(bench::Settings& settings, const char* name, const char* value) {
  if (std::strcmp(name, "--alone") == 0) {
    settings.ours = std::strcmp(value, "ours") == 0;
    settings.openBlas = std::strcmp(value, "openblas") == 0;
    return settings.ours || settings.openBlas;
  }
  const std::vector<size_t> list = readList(value);
  if (std::strcmp(name, "--millis") == 0) return (settings.rigour.seconds = std::atof(value) / 1000) > 0;
  if (list.empty() || list[0] == 0) return false;
  if (std::strcmp(name, "--threads") == 0) settings.threads = list[0];
  else if (std::strcmp(name, "--samples") == 0) settings.rigour.samples = list[0];
  else if (std::strcmp(name, "--d") == 0) settings.d = list;
  else if (std::strcmp(name, "--m") == 0) settings.m = list;
  else if (std::strcmp(name, "--classes") == 0) settings.classes = list[0];
  else return false;
  return true;
}

int usage() {
  std::fprintf(stderr,
               "usage: widehead_bench TABLE [--threads N] [--samples N] [--millis X] [--d N,..] [--m N,..] "
               "[--classes N] [--alone ours|openblas]\ntables:");
  for (const Table& table : kTables) std::fprintf(stderr, " %s", table.name);
  std::fprintf(stderr, "\n");
  return 2;
}

}  // namespace

int main(int count, char** arguments) {
  bench::Settings settings;
  if (count < 2 || count % 2 != 0) return usage();
  for (int i = 2; i < count; i += 2) {
    if (!readOption(settings, arguments[i], arguments[i + 1])) return usage();
  }
  if (const char* wanted = widehead::isaRequestError()) {
    std::fprintf(stderr, "WIDEHEAD_ISA=%s: not supported here\n", wanted);
    return 1;
  }
  for (const Table& table : kTables) {
    if (std::strcmp(arguments[1], table.name) != 0) continue;
    widehead::setThreads(settings.threads);
    if (const bench::OpenBlas* blas = bench::openBlas()) blas->setThreads(static_cast<int>(settings.threads));
    table.run(settings);
    return 0;
  }
  return usage();
}
