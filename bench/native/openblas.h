// OpenBLAS as the system has it, opened at run time: the baseline of the benches, never a dependency.
#pragma once

#include <string>

namespace bench {

struct OpenBlas {
  enum { RowMajor = 101, NoTrans = 111, Trans = 112, Lower = 122 };

  void (*sgemm)(int order, int transA, int transB, int m, int n, int k, float alpha, const float* a, int lda,
                const float* b, int ldb, float beta, float* c, int ldc);
  void (*ssyrk)(int order, int uplo, int trans, int n, int k, float alpha, const float* a, int lda, float beta,
                float* c, int ldc);
  void (*ssyr2k)(int order, int uplo, int trans, int n, int k, float alpha, const float* a, int lda, const float* b,
                 int ldb, float beta, float* c, int ldc);
  void (*setThreads)(int count);
  std::string config, core;

  // Its workers poll for 2^26 cycles before they sleep: some 30 ms.
  static constexpr double kSettle = 0.04;
};

// nullptr if the system has none. WIDEHEAD_BENCH_OPENBLAS names another file.
const OpenBlas* openBlas();

}  // namespace bench
