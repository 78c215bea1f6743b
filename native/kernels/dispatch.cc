#include <atomic>
#include <cstdlib>
#include <cstring>

#include "cpu/features.h"
#include "kernels/kernels.h"
#include "kernels/tables.h"

namespace widehead {
namespace {

struct Candidate {
  const Kernels* table;
  uint32_t needs;
};

const Candidate kCandidates[] = {
#define WIDEHEAD_ISA_TABLE(isa, needs) {&isa::table, needs},
#include "kernels/isa.inc"
#undef WIDEHEAD_ISA_TABLE
};
constexpr size_t kCount = sizeof kCandidates / sizeof kCandidates[0];

const Kernels* find(const char* name) {
  for (const Candidate& candidate : kCandidates)
    if ((cpu::features() & candidate.needs) == candidate.needs &&
        (name == nullptr || std::strcmp(candidate.table->name, name) == 0))
      return candidate.table;
  return nullptr;
}

struct State {
  std::atomic<const Kernels*> inUse;
  const char* badRequest = nullptr;

  State() {
    const char* asked = std::getenv("WIDEHEAD_ISA");
    if (asked != nullptr && *asked == '\0') asked = nullptr;
    const Kernels* table = find(asked);
    if (table == nullptr) {
      badRequest = asked;
      table = find(nullptr);
    }
    inUse.store(table);
  }
};

State& state() {
  static State only;
  return only;
}

}  // namespace

const Kernels& kernels() { return *state().inUse.load(std::memory_order_acquire); }

const char* isaRequestError() { return state().badRequest; }

bool forceIsa(const char* name) {
  const Kernels* table = name == nullptr ? nullptr : find(name);
  if (table == nullptr) return false;
  state().inUse.store(table, std::memory_order_release);
  return true;
}

const char* const* supportedIsas() {
  struct Names {
    const char* list[kCount + 1] = {};
    Names() {
      size_t found = 0;
      for (const Candidate& candidate : kCandidates)
        if ((cpu::features() & candidate.needs) == candidate.needs) list[found++] = candidate.table->name;
    }
  };
  static const Names names;
  return names.list;
}

}  // namespace widehead
