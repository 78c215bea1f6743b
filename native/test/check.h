// As much of a test framework as the C++ tests need: TEST(name) { CHECK(...); } and TEST_MAIN once a file.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <limits>
#include <vector>

#include "base/matrix.h"
#include "base/rng.h"
#include "kernels/kernels.h"

namespace check {

struct Test {
  const char* name;
  void (*body)();
};
inline std::vector<Test>& tests() {
  static std::vector<Test> list;
  return list;
}
inline int& failures() {
  static int count = 0;
  return count;
}
struct Registration {
  Registration(const char* name, void (*body)()) { tests().push_back({name, body}); }
};

inline void fail(const char* file, int line, const char* what) {
  if (++failures() <= 20) std::fprintf(stderr, "%s:%d: %s\n", file, line, what);
}
inline void near(double actual, double expected, double tolerance, const char* file, int line, const char* what) {
  if (std::fabs(actual - expected) <= tolerance) return;  // false for NaN
  char text[512];
  std::snprintf(text, sizeof text, "%s: %.17g, expected %.17g within %.3g (%s)", what, actual, expected, tolerance,
                widehead::kernels().name);
  fail(file, line, text);
}

inline int run() {
  for (const Test& test : tests()) {
    const int before = failures();
    try {
      test.body();
    } catch (const std::exception& error) {
      fail(test.name, 0, error.what());
    }
    std::printf("%s %s\n", failures() == before ? "ok  " : "FAIL", test.name);
  }
  if (failures() > 0) std::printf("%d checks failed\n", failures());
  return failures() > 0 ? 1 : 0;
}

// Runs body with each instruction set of this CPU in turn, then puts the first one back.
template <class Body>
void eachIsa(Body body) {
  const char* initial = widehead::kernels().name;
  for (const char* const* name = widehead::supportedIsas(); *name != nullptr; ++name) {
    widehead::forceIsa(*name);
    body();
  }
  widehead::forceIsa(initial);
}

inline std::vector<float> normals(size_t count, uint64_t seed) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(widehead::randomNormal(seed, i));
  return values;
}

// A sanitizer makes everything several times slower: what a smaller case shows as well may be left out then.
#ifdef WIDEHEAD_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr double kUlp = 5.9604644775390625e-08;  // half a unit in the last place of 1.0f
const float kNaN = std::numeric_limits<float>::quiet_NaN();

}  // namespace check

#define TEST(name)                                                \
  static void test_##name();                                      \
  static check::Registration register_##name(#name, test_##name); \
  static void test_##name()
#define CHECK(condition)                                           \
  do {                                                             \
    if (!(condition)) check::fail(__FILE__, __LINE__, #condition); \
  } while (0)
#define CHECK_NEAR(actual, expected, tolerance) check::near(actual, expected, tolerance, __FILE__, __LINE__, #actual)
#define TEST_MAIN \
  int main() { return check::run(); }
