// The state of the optimisers: what it says of itself, its checks, and that zeros take no memory.
#include "trunk/state.h"

#include <cstdio>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/pages.h"
#include "check.h"
#include "optim/optimizer.h"

using namespace widehead;
using check::kNaN;
using Kind = StateArray::Kind;

namespace {

// Memory of this process in bytes, or 0 where the system does not say it so or a sanitizer keeps notes of every access.
size_t residentBytes() {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  return 0;
#else
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long size = 0, resident = 0;
  const int read = std::fscanf(file, "%lu %lu", &size, &resident);
  std::fclose(file);
  return read == 2 ? resident * 4096 : 0;
#endif
}

std::string messageOf(Kind kind, const std::vector<float>& data) {
  try {
    checkState("data", kind, data.data(), data.size());
  } catch (const Error& error) {
    CHECK(std::string(error.code) == "WIDEHEAD_OUT_OF_RANGE");
    return error.what();
  }
  return "";
}

}  // namespace

TEST(arrays_have_an_element_a_parameter_or_a_row_and_start_at_zero) {
  for (const std::string& kind : optimizerNames()) {
    for (bool rowwise : {false, true}) {
      OptimizerSettings settings;
      settings.kind = kind;
      settings.rowwise = rowwise;
      const auto optimizer = makeOptimizer(settings, 7, 5);
      size_t bytes = 0;
      for (const StateArray& array : optimizer->state()) {
        CHECK(array.count == (array.perRow ? 7 : 35));
        for (size_t i = 0; i < array.count; ++i) CHECK(static_cast<const uint32_t*>(array.data)[i] == 0);
        bytes += 4 * array.count;
      }
      CHECK(optimizer->bytes() == bytes);
    }
  }
}

TEST(values_that_training_cannot_leave_are_refused) {
  CHECK(messageOf(Kind::Signed, {1, -1, 0}).empty());
  CHECK(messageOf(Kind::NonNegative, {1, 0, 3e38f}).empty());
  CHECK(messageOf(Kind::NonNegative, {}).empty());
  CHECK(messageOf(Kind::Count, {kNaN}).empty());  // any 32 bits are a count
  CHECK(messageOf(Kind::Signed, {1, kNaN}) == "data[1] must be finite, got NaN");
  CHECK(messageOf(Kind::NonNegative, {1, 0, -2}).rfind("data[2] must be at least 0, got -2", 0) == 0);
}

TEST(copies_are_complete_whatever_was_there) {
  for (size_t count : {0u, 1u, 1023u, 1024u, 1025u, 5000u}) {
    std::vector<float> to(count + 1, 3), from(count, 0);
    for (size_t i = 0; i < count; i += 700) from[i] = 5;
    copyChanged(to.data(), from.data(), 4 * count);
    for (size_t i = 0; i < count; ++i) CHECK(to[i] == from[i]);
    CHECK(to[count] == 3);
  }
}

TEST(zeros_put_into_state_of_rows_that_were_never_trained_take_no_memory) {
  const size_t before = residentBytes();
  if (before == 0) {
    std::printf("skipped: this system does not tell how much memory is used\n");
    return;
  }
  const size_t piece = size_t{1} << 20;
  const Pages<float> state(64 * piece);  // 256 MiB
  std::vector<float> zeros(piece);
  for (size_t i = 0; i < 64; ++i) copyChanged(state.data() + i * piece, zeros.data(), 4 * piece);
  CHECK(residentBytes() < before + (size_t{64} << 20));
  zeros[17] = 1;
  copyChanged(state.data() + 3 * piece, zeros.data(), 4 * piece);
  CHECK(state[3 * piece + 17] == 1);
}

TEST(adam_stays_at_its_last_count_of_steps) {
  OptimizerSettings settings;
  settings.kind = "adam";
  const auto optimizer = makeOptimizer(settings, 1, 2);
  uint32_t* steps = static_cast<uint32_t*>(optimizer->state()[2].data);
  steps[0] = UINT32_MAX - 1;
  float w[2] = {1, 1};
  const float g[2] = {1, -1};
  for (int i = 0; i < 3; ++i) optimizer->update(w, g, 0, 1, 1, 0.1);
  CHECK(steps[0] == UINT32_MAX);
}

TEST_MAIN
