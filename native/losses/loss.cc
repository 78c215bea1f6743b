#include "losses/loss.h"

#include <cmath>

#include "base/error.h"
#include "losses/spherical_softmax.h"
#include "losses/squared_error.h"
#include "losses/taylor_softmax.h"
#include "losses/weighted_squared_error.h"
#include "losses/z_loss.h"

namespace widehead {

const std::vector<LossEntry>& losses() {
  static const std::vector<LossEntry> all = {
#define WIDEHEAD_LOSS(name, function, ...) {name, {__VA_ARGS__}, function},
#include "losses/losses.inc"
#undef WIDEHEAD_LOSS
  };
  return all;
}

const LossEntry* findLoss(const std::string& name) {
  for (const LossEntry& entry : losses()) {
    if (name == entry.name) return &entry;
  }
  return nullptr;
}

namespace {

void check(const char* what, const double* values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (std::isfinite(static_cast<float>(values[i]))) continue;  // it has to survive as float32 too
    throw Error(ErrorKind::State, "WIDEHEAD_LOSS",
                std::string("the loss gave ") + what + "[" + std::to_string(i) + "] = " + shown(values[i]) +
                    "; it must be finite (the outputs may have grown without bound: try a smaller learning rate)");
  }
}

}  // namespace

void checkLosses(const double* losses, size_t m) { check("losses", losses, m); }

void checkLoss(const LossBatch& batch) {
  checkLosses(batch.losses, batch.m);
  check("gq", batch.gq, batch.m);
  check("gs", batch.gs, batch.m);
  check("ga", batch.ga, batch.indptr[batch.m]);
}

}  // namespace widehead
