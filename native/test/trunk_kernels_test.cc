// The elementwise kernels of a trunk and of a softmax: the scalar ones against float64, every other table against the scalar one.
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "check.h"
#include "kernels/kernels.h"
#include "trunk/activation.h"

using namespace widehead;
using check::kNaN;
using check::kUlp;
using check::normals;

namespace {

constexpr size_t kSizes[] = {0, 1, 2, 7, 8, 15, 16, 17, 31, 33, 1003};

std::vector<float> squaresOf(std::vector<float> x) {
  for (float& value : x) value *= value;
  return x;
}

void checkSameBits(const std::vector<float>& a, const std::vector<float>& b) {
  CHECK(a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

struct State {
  std::vector<float> w, first, second, g;
  // One element more at both ends, which no kernel may touch, and data that is not aligned.
  explicit State(size_t n)
      : w(normals(n + 2, 1)), first(squaresOf(normals(n + 2, 2))), second(squaresOf(normals(n + 2, 3))),
        g(normals(n + 2, 4)) {
    for (size_t i = 0; i < g.size(); i += 5) first[i] = second[i] = g[i] = 0;
  }
};

void checkSameBits(const State& a, const State& b) {
  checkSameBits(a.w, b.w);
  checkSameBits(a.first, b.first);
  checkSameBits(a.second, b.second);
}

// Runs body for the scalar table and then for every other, and compares what it made of the same state.
void everyIsaIsScalar(const std::function<void(State&, size_t)>& body) {
  check::eachIsa([&] {
    const char* name = kernels().name;
    for (size_t n : kSizes) {
      State expected(n), actual(n);
      forceIsa("scalar");
      body(expected, n);
      forceIsa(name);
      body(actual, n);
      checkSameBits(actual, expected);
      const State before(n);
      CHECK(actual.w[0] == before.w[0] && actual.w[n + 1] == before.w[n + 1]);
      CHECK(actual.first[0] == before.first[0] && actual.first[n + 1] == before.first[n + 1]);
    }
  });
}

constexpr AdamStep kAdam = {0.5f, 0.1f, 0.001f, 0.03f, 700.0f, 1e-8f};

}  // namespace

TEST(tanh_is_scalar_bit_for_bit) {
  check::eachIsa([] {
    const char* name = kernels().name;
    for (double size : {1e-30, 1e-3, 0.3, 1.0, 5.0, 30.0, 1e38}) {
      for (size_t n : kSizes) {
        std::vector<float> expected = normals(n + 2, 9);
        for (float& x : expected) x = static_cast<float>(x * size);
        std::vector<float> actual = expected;
        forceIsa("scalar");
        kernels().tanh(expected.data() + 1, n);
        forceIsa(name);
        kernels().tanh(actual.data() + 1, n);
        checkSameBits(actual, expected);
      }
    }
  });
}

TEST(tanh_keeps_zeros_and_nan_and_ends_at_one) {
  check::eachIsa([] {
    const float infinity = std::numeric_limits<float>::infinity();
    for (size_t n : {6u, 22u}) {  // in whole vectors and in the last part of one
      std::vector<float> x(n, 0.5f);
      const float special[] = {kNaN, infinity, -infinity, 0.0f, -0.0f, -20.0f};
      for (size_t i = 0; i < 6; ++i) x[n - 6 + i] = x[i] = special[i];
      kernels().tanh(x.data(), n);
      for (const float* y : {x.data(), x.data() + n - 6}) {
        CHECK(y[0] != y[0] && y[1] == 1 && y[2] == -1 && y[5] == -1);
        CHECK(y[3] == 0 && !std::signbit(y[3]) && y[4] == 0 && std::signbit(y[4]));
      }
    }
  });
}

TEST(exp_is_scalar_bit_for_bit_and_its_sum_right) {
  check::eachIsa([] {
    const char* name = kernels().name;
    for (double size : {1e-3, 1.0, 10.0, 60.0, 1e4}) {
      for (size_t n : kSizes) {
        std::vector<float> expected = normals(n + 2, 11);
        for (float& x : expected) x = -std::fabs(static_cast<float>(x * size));
        std::vector<float> actual = expected;
        forceIsa("scalar");
        const double right = kernels().expSum(expected.data() + 1, 0.25f, n);
        forceIsa(name);
        const double sum = kernels().expSum(actual.data() + 1, 0.25f, n);
        checkSameBits(actual, expected);
        CHECK_NEAR(sum, right, 1e-6 * right);
      }
    }
  });
}

TEST(scalar_exp_is_that_of_float64) {
  const char* name = kernels().name;
  CHECK(forceIsa("scalar"));
  for (double x = -87; x <= 88; x += 0.00671) {
    float y = static_cast<float>(x);
    const double right = std::exp(double{y});
    kernels().expSum(&y, 0, 1);
    CHECK_NEAR(y, right, 3 * kUlp * right);
  }
  float special[] = {-89, -1e30f, -std::numeric_limits<float>::infinity(), 0, kNaN};
  const double sum = kernels().expSum(special, 0, 5);
  forceIsa(name);
  CHECK(special[0] == 0 && special[1] == 0 && special[2] == 0 && special[3] == 1 && special[4] != special[4] &&
        sum != sum);
}

TEST(largest_is_the_largest) {
  check::eachIsa([] {
    for (size_t n : kSizes) {
      if (n == 0) continue;
      std::vector<float> x = normals(n + 1, 12);
      x[n] = 1e30f;  // behind the end
      for (size_t place : {size_t{0}, n / 2, n - 1}) {
        std::vector<float> y = x;
        y[place] = 100;
        CHECK(kernels().largest(y.data(), n) == 100);
        for (float& each : y) each -= 1e6f;
        CHECK(kernels().largest(y.data(), n) == 100 - 1e6f);
      }
    }
  });
}

TEST(optimizer_steps_are_scalar_bit_for_bit) {
  everyIsaIsScalar([](State& s, size_t n) {
    kernels().adagrad(s.w.data() + 1, s.first.data() + 1, s.g.data() + 1, 0.7f, 0.1f, 1e-10f, n);
  });
  everyIsaIsScalar([](State& s, size_t n) {
    kernels().adam(s.w.data() + 1, s.first.data() + 1, s.second.data() + 1, s.g.data() + 1, kAdam, n);
  });
}

TEST(scalar_optimizer_steps_are_those_of_float64) {
  const size_t n = 1003;
  const char* name = kernels().name;
  CHECK(forceIsa("scalar"));
  const State before(n);
  State adagrad(n), adam(n);
  kernels().adagrad(adagrad.w.data(), adagrad.first.data(), adagrad.g.data(), 0.7f, 0.1f, 1e-10f, n);
  kernels().adam(adam.w.data(), adam.first.data(), adam.second.data(), adam.g.data(), kAdam, n);
  forceIsa(name);
  for (size_t i = 0; i < n; ++i) {
    const double w = before.w[i], h = double{0.7f} * before.g[i];
    const double sum = before.first[i] + h * h;
    CHECK_NEAR(adagrad.first[i], sum, 4 * kUlp * sum);
    const double adagradStep = double{0.1f} * h / (std::sqrt(sum) + 1e-10);
    CHECK_NEAR(adagrad.w[i], w - adagradStep, 8 * kUlp * (std::fabs(w) + std::fabs(adagradStep)));

    const double a = double{kAdam.scale} * before.g[i];
    const double mean = before.first[i] + double{kAdam.toMean} * (a - before.first[i]);
    const double square = before.second[i] + double{kAdam.toSquare} * (a * a - before.second[i]);
    const double size = std::fabs(a) + before.first[i];
    CHECK_NEAR(adam.first[i], mean, 4 * kUlp * size);
    CHECK_NEAR(adam.second[i], square, 4 * kUlp * (square + a * a));
    const double adamStep = kAdam.rate * mean / (std::sqrt(square * kAdam.correction) + double{kAdam.epsilon});
    const double stepSize = square == 0 ? 0 : kAdam.rate * size / std::sqrt(square * kAdam.correction);
    CHECK_NEAR(adam.w[i], w - adamStep, 12 * kUlp * (std::fabs(w) + stepSize));
  }
}

// Bit for bit the same for every instruction set: the default one stands for all.
TEST(tanh_is_within_3_ulp) {
  const Activation& activation = findActivation("tanh");
  auto checkAt = [&](float x) {
    float y = x;
    activation.forward(&y, 1);
    const double correct = std::tanh(double{x});
    const float rounded = static_cast<float>(correct);
    const double ulp = std::fabs(double{std::nextafter(rounded, 2.0f)} - rounded);
    CHECK_NEAR(y, correct, 3 * ulp);
  };
  for (int i = 0; i < 400000; ++i) {
    const float x = static_cast<float>(i) * 2.5e-5f;
    checkAt(x);
    checkAt(-x);
    checkAt(static_cast<float>(std::ldexp(1 + randomUniform(1, i), -static_cast<int>(randomBits(2, i) % 120))));
  }
  checkAt(std::numeric_limits<float>::max());
  float special[2] = {std::numeric_limits<float>::infinity(), kNaN};
  activation.forward(special, 2);
  CHECK(special[0] == 1 && special[1] != special[1]);
}

TEST_MAIN
