// A fixed number of exact steps of a fixed small problem, for counting instructions: step_count CASE ISA. Everything but the
// steps happens outside of countedSteps(), the only function that scripts/instruction-count.mjs counts.

#include "exact_reference.h"

#include "base/pool.h"

namespace {

using namespace exact_reference;

// narrow: m <= d; wide: m > d; online: one example a step, where what a step costs at all is what counts.
struct Case {
  const char* name;
  size_t m, steps;
};
constexpr Case kCases[] = {{"narrow", 32, 40}, {"wide", 160, 16}, {"online", 1, 400}};

struct Step {
  Minibatch batch;
  ApplyOptions options;
};

void takeStep(ExactHead& head, Pass& pass, const Step& step) {
  static const widehead::LossFunction loss = widehead::findLoss("squared-error")->compute;
  pass.assign(head.config(), step.batch.hidden.data(), step.batch.targets());
  head.score(pass);
  pass.computeLoss(loss, nullptr, head.config().numClasses);
  head.differentiate(pass);
  head.apply(pass, step.options);
}

const char* compiler() {
#if defined(__clang__)
  return "clang++ ";
#elif defined(__GNUC__)
  return "g++ ";
#else
  return "other ";
#endif
}

int compilerVersion() {
#if defined(__clang__)
  return __clang_major__;
#elif defined(__GNUC__)
  return __GNUC__;
#else
  return 0;
#endif
}

}  // namespace

#if defined(__GNUC__)
#define COUNTED extern "C" __attribute__((noinline, visibility("default")))
#else
#define COUNTED extern "C"
#endif

COUNTED void countedSteps(ExactHead& head, Pass& pass, const std::vector<Step>& steps) {
  for (const Step& step : steps) takeStep(head, pass, step);
}

int main(int count, char** words) {
  const Case* chosen = nullptr;
  for (const Case& each : kCases) {
    if (count == 3 && std::strcmp(each.name, words[1]) == 0) chosen = &each;
  }
  if (chosen == nullptr) {
    std::fprintf(stderr, "usage: step_count narrow|wide|online ISA\n");
    return 2;
  }
  if (!widehead::forceIsa(words[2])) {
    std::fprintf(stderr, "this CPU does not run %s\n", words[2]);
    return 3;
  }
  widehead::setThreads(1);
  const HeadConfig config = {5000, 64, false};
  ExactHead head(config, {InitConfig::Zeros, 0, 0, nullptr, nullptr}, {0.5, 0.5, 16, 1, 20}, 32);
  const std::unique_ptr<Pass> pass = head.newPass();
  // Every other step would shrink W's strongest direction to nothing: those are split, and the log has work to do.
  std::vector<Step> steps;
  for (size_t i = 0; i < chosen->steps; i++) {
    Minibatch batch = randomBatch(config, chosen->m, i);
    const double learningRate = rateForShare(config, batch, i % 2 == 0 ? 0.3 : 1.0);
    steps.push_back({std::move(batch), {learningRate, 0, kInfinity}});
  }
  countedSteps(head, *pass, steps);
  std::printf("%s%d\n", compiler(), compilerVersion());
}
