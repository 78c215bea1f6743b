#include "trunk/trunk.h"

#include <algorithm>

#include "base/error.h"
#include "base/pool.h"
#include "check.h"
#include "trunk/sorted_entries.h"
#include "trunk_reference.h"

using namespace widehead;
using check::kNaN;
using reference::Input;

namespace {

TrunkSettings settingsOf(size_t vocabulary, size_t embedding, size_t slots, std::vector<LayerSettings> layers = {}) {
  TrunkSettings settings;
  settings.vocabularySize = vocabulary;
  settings.embeddingSize = embedding;
  settings.slots = slots;
  settings.layers = std::move(layers);
  settings.embeddingScale = 0.4;
  settings.seed = 7;
  settings.optimizer.kind = "sgd";
  return settings;
}

// Bags of 0 to 5 ids with many duplicates; negative, zero and large weights among the values.
Input randomInput(const TrunkSettings& settings, size_t m, uint64_t seed, bool weighted) {
  Input input;
  input.weighted = weighted;
  for (size_t bag = 0; bag < m * settings.slots; ++bag) {
    std::vector<uint32_t> ids;
    for (size_t i = 0; i < randomBits(seed, bag) % 6; ++i) {
      const double u = randomUniform(seed + 1, bag * 8 + i);
      ids.push_back(static_cast<uint32_t>(u * u * static_cast<double>(settings.vocabularySize)));
    }
    input.add(ids);
  }
  input.values = check::normals(input.indices.size(), seed + 2);
  if (!input.values.empty()) input.values[0] = 0;
  return input;
}

// A minibatch's gradient for the hidden vectors.
std::vector<float> randomGradient(size_t count, uint64_t seed) { return check::normals(count, seed); }

void checkParameters(const Trunk& trunk, const reference::Trunk& expected, double tolerance) {
  for (size_t k = 0; k < trunk.parameterCount(); ++k) {
    for (size_t i = 0; i < expected.parameters[k].size(); ++i) {
      CHECK_NEAR(trunk.parameter(k).data[i], expected.parameters[k][i], tolerance);
    }
  }
}

std::vector<float> allParameters(const Trunk& trunk) {
  std::vector<float> all;
  for (size_t k = 0; k < trunk.parameterCount(); ++k) {
    const MatrixF p = trunk.parameter(k);
    all.insert(all.end(), p.data, p.data + p.rows * p.cols);
  }
  return all;
}

std::vector<TrunkSettings> shapes() {
  return {
      settingsOf(9, 1, 1),
      settingsOf(11, 5, 2),
      settingsOf(40, 33, 1, {{1, "linear"}}),
      settingsOf(23, 6, 3, {{7, "relu"}}),
      settingsOf(30, 4, 2, {{19, "tanh"}, {5, "relu"}, {3, "linear"}}),
  };
}

void checkAgainstReference(const TrunkSettings& settings, size_t m, bool weighted, double tolerance) {
  Trunk trunk(settings);
  reference::Trunk expected(settings, trunk);
  for (uint64_t step = 0; step < 6; ++step) {
    const Input input = randomInput(settings, m, 100 + 10 * step, weighted);
    std::vector<float> hidden(m * trunk.hiddenSize(), kNaN), evaluated = hidden;
    trunk.forward(hidden.data(), input.bags());
    trunk.evaluate(evaluated.data(), randomInput(settings, m, 1, weighted).bags());  // must not disturb backward
    const reference::Vector correct = expected.outputs(input).back();
    for (size_t i = 0; i < hidden.size(); ++i) CHECK_NEAR(hidden[i], correct[i], tolerance);
    trunk.evaluate(evaluated.data(), input.bags());
    CHECK(evaluated == hidden);

    const std::vector<float> dHidden = randomGradient(hidden.size(), 5 + step);
    const double norm = expected.step(input, {dHidden.begin(), dHidden.end()}, 0.05);
    CHECK_NEAR(trunk.backward(dHidden.data(), dHidden.size(), 0.05), norm, tolerance * (1 + norm));
    checkParameters(trunk, expected, tolerance);
  }
}

// The code of the error that body throws, or "".
template <class Body>
std::string codeOf(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.code;
  }
  return "";
}

}  // namespace

TEST(reference_gradient_is_that_of_finite_differences) {
  for (TrunkSettings settings : shapes()) {
    for (const std::string& combine : combineNames()) {
      settings.combine = combine;
      const Input input = randomInput(settings, 3, 50, true);
      const Trunk start(settings);
      reference::Trunk trunk(settings, start);
      const std::vector<float> dHidden = randomGradient(3 * start.hiddenSize(), 4);
      trunk.differentiate(input, {dHidden.begin(), dHidden.end()});
      auto loss = [&] {
        const reference::Vector hidden = trunk.outputs(input).back();
        double sum = 0;
        for (size_t i = 0; i < hidden.size(); ++i) sum += hidden[i] * dHidden[i];
        return sum;
      };
      for (size_t k = 0; k < trunk.parameters.size(); ++k) {
        for (size_t i = 0; i < trunk.parameters[k].size(); i += 1 + i / 7) {
          double& w = trunk.parameters[k][i];
          const double before = w, h = 1e-5;
          w = before + h;
          const double above = loss();
          w = before - h;
          const double below = loss();
          w = before;
          CHECK_NEAR((above - below) / (2 * h), trunk.gradients[k][i], 1e-7);
        }
      }
    }
  }
}

TEST(steps_are_those_of_the_reference_for_every_shape_and_isa) {
  check::eachIsa([] {
    for (TrunkSettings settings : shapes()) {
      for (const std::string& combine : combineNames()) {
        settings.combine = combine;
        for (size_t m : {1u, 2u, 17u}) checkAgainstReference(settings, m, m != 2, 2e-5);
      }
    }
  });
}

TEST(steps_are_those_of_the_reference_for_every_optimizer) {
  for (TrunkSettings settings : shapes()) {
    for (const std::string& kind : optimizerNames()) {
      for (bool rowwise : {false, true}) {
        for (double clipNorm : {0.5, std::numeric_limits<double>::infinity()}) {
          settings.optimizer.kind = kind;
          settings.optimizer.rowwise = rowwise;
          // A gradient of rounding errors alone would be blown up to a step of full length by a smaller epsilon.
          settings.optimizer.epsilon = 1e-3;
          settings.clipNorm = clipNorm;
          checkAgainstReference(settings, 8, true, 1e-4);
        }
      }
    }
  }
}

TEST(rows_outside_the_minibatch_are_untouched) {
  TrunkSettings settings = settingsOf(1000, 8, 1);
  for (const std::string& kind : optimizerNames()) {
    settings.optimizer.kind = kind;
    Trunk trunk(settings);
    const std::vector<float> before = allParameters(trunk);
    for (uint64_t step = 0; step < 3; ++step) {
      Input input;
      input.add({999, 3, 3});
      std::vector<float> hidden(8);
      trunk.forward(hidden.data(), input.bags());
      trunk.backward(randomGradient(8, step).data(), 8, 0.1);
    }
    const std::vector<float> after = allParameters(trunk);
    for (size_t i = 0; i < after.size(); ++i) CHECK((after[i] == before[i]) == (i / 8 != 3 && i / 8 != 999));
  }
}

TEST(results_do_not_depend_on_the_number_of_threads) {
  TrunkSettings settings = settingsOf(500, 24, 2, {{40, "tanh"}, {16, "relu"}});
  settings.optimizer.kind = "adagrad";
  std::vector<float> first;
  for (size_t count : {1u, 2u, 3u, 7u}) {
    setThreads(count);
    Trunk trunk(settings);
    for (uint64_t step = 0; step < 3; ++step) {
      const Input input = randomInput(settings, 400, step, true);
      std::vector<float> hidden(400 * 16);
      trunk.forward(hidden.data(), input.bags());
      trunk.backward(randomGradient(hidden.size(), step).data(), hidden.size(), 0.1);
    }
    const std::vector<float> parameters = allParameters(trunk);
    if (first.empty()) first = parameters;
    CHECK(parameters == first);
  }
  setThreads(2);
}

TEST(starting_weights_are_the_same_bits_everywhere_and_of_the_size_asked_for) {
  const TrunkSettings settings = settingsOf(2000, 32, 2, {{128, "tanh"}, {100, "relu"}});
  std::vector<float> first;
  check::eachIsa([&] {
    const std::vector<float> parameters = allParameters(Trunk(settings));
    if (first.empty()) first = parameters;
    CHECK(parameters == first);
  });
  const Trunk trunk(settings);
  auto deviation = [&](size_t k) {
    const MatrixF p = trunk.parameter(k);
    double sum = 0;
    for (size_t i = 0; i < p.rows * p.cols; ++i) sum += double{p.data[i]} * p.data[i];
    return std::sqrt(sum / static_cast<double>(p.rows * p.cols));
  };
  CHECK_NEAR(deviation(0), 0.4, 0.01);
  CHECK_NEAR(deviation(1), std::sqrt(2.0 / (64 + 128)), 0.003);
  CHECK_NEAR(deviation(2), 0, 0);
  CHECK_NEAR(deviation(3), std::sqrt(2.0 / 128), 0.003);
  TrunkSettings other = settings;
  other.seed = 8;
  CHECK(allParameters(Trunk(other)) != first);
}

TEST(entries_are_sorted_by_id_and_then_by_place) {
  for (size_t rows : {size_t{1}, size_t{2}, size_t{2048}, size_t{2049}, size_t{5000000}, size_t{2147483647}}) {
    for (size_t count : {0u, 1u, 2u, 63u, 64u, 65u, 1000u}) {
      std::vector<uint32_t> ids;
      for (size_t i = 0; i < count; ++i) ids.push_back(static_cast<uint32_t>(randomBits(rows, i / 2 * 2) % rows));
      std::vector<uint32_t> order(count);
      for (size_t i = 0; i < count; ++i) order[i] = static_cast<uint32_t>(i);
      std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return ids[a] < ids[b]; });
      SortedEntries sorted;
      sorted.sort(ids.data(), count, rows);
      for (size_t i = 0; i < count; ++i) CHECK(sorted.entry(i) == order[i] && sorted.id(i) == ids[order[i]]);
    }
  }
}

TEST(every_refused_call_changes_nothing) {
  const TrunkSettings settings = settingsOf(10, 4, 2, {{3, "tanh"}});
  Trunk trunk(settings);
  const std::vector<float> before = allParameters(trunk);
  const Input good = randomInput(settings, 2, 9, true);
  std::vector<float> hidden(6), dHidden = randomGradient(6, 1);
  auto backward = [&] { trunk.backward(dHidden.data(), dHidden.size(), 0.1); };
  CHECK(codeOf(backward) == "WIDEHEAD_STALE");
  trunk.forward(hidden.data(), good.bags());

  auto refused = [&](auto spoil) {
    Input bad = good;
    spoil(bad);
    CHECK(codeOf([&] { trunk.forward(hidden.data(), bad.bags()); }) == "WIDEHEAD_OUT_OF_RANGE");
    CHECK(codeOf([&] { trunk.evaluate(hidden.data(), bad.bags()); }) == "WIDEHEAD_OUT_OF_RANGE");
  };
  refused([](Input& bad) { bad.indices.back() = 10; });
  refused([](Input& bad) { bad.indices[0] = static_cast<uint32_t>(-1); });
  refused([](Input& bad) { bad.indptr[0] = 1; });
  refused([](Input& bad) { bad.indptr[1] = bad.indptr[2] + 1; });
  refused([](Input& bad) { bad.indptr[1] = static_cast<uint32_t>(-1); });
  refused([](Input& bad) { bad.indptr.back() -= 1; });
  refused([](Input& bad) { bad.values.back() = kNaN; });
  refused([](Input& bad) { bad.values[1] = -std::numeric_limits<float>::infinity(); });

  dHidden[3] = kNaN;
  CHECK(codeOf(backward) == "WIDEHEAD_OUT_OF_RANGE");
  CHECK(codeOf([&] { trunk.backward(dHidden.data(), 5, 0.1); }) == "WIDEHEAD_OUT_OF_RANGE");
  dHidden.assign(6, 1e20f);
  CHECK(codeOf(backward) == "WIDEHEAD_LOSS");
  CHECK(allParameters(trunk) == before);

  dHidden = randomGradient(6, 1);  // the forward pass is still good
  CHECK(codeOf(backward) == "");
  CHECK(allParameters(trunk) != before);
  CHECK(codeOf(backward) == "WIDEHEAD_STALE");
}

TEST_MAIN
