#include "openblas.h"

#include <cstdlib>
#include <memory>

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

namespace bench {

namespace {

#if defined(_WIN32)

std::unique_ptr<OpenBlas> open() { return nullptr; }

#else

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

std::unique_ptr<OpenBlas> open() {
  void* library = nullptr;
  if (const char* wanted = std::getenv("WIDEHEAD_BENCH_OPENBLAS")) {
    library = dlopen(wanted, RTLD_NOW | RTLD_LOCAL);
  } else {
    for (const char* name : {"libopenblas.so.0", "libopenblas.so", "libopenblas.dylib"}) {
      if (library == nullptr) library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    }
  }
  if (library == nullptr) return nullptr;
  auto blas = std::make_unique<OpenBlas>();
  char* (*config)() = nullptr;
  char* (*core)() = nullptr;
  if (!find(library, "cblas_sgemm", blas->sgemm) || !find(library, "cblas_ssyrk", blas->ssyrk) ||
      !find(library, "cblas_ssyr2k", blas->ssyr2k) || !find(library, "openblas_set_num_threads", blas->setThreads) ||
      !find(library, "openblas_get_config", config) || !find(library, "openblas_get_corename", core)) {
    return nullptr;
  }
  blas->config = config();
  blas->core = core();
  return blas;
}

#endif

}  // namespace

const OpenBlas* openBlas() {
  static const std::unique_ptr<OpenBlas> blas = open();
  return blas.get();
}

}  // namespace bench
