// What ranks tell each other when they begin a call together: that it is the same call, that each can make it, and how much each brings.
// From there on all do the same with the same numbers, so that what fails fails everywhere, and changes nothing anywhere.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "comm/communicator.h"

namespace widehead {

struct Call {
  // The same on all ranks, or the call is refused.
  char what[64] = "";    // in words
  uint64_t recipe = 0;   // what the object was made of
  uint64_t version = 0;  // updates that it has made
  double numbers[3] = {0, 0, 0};
  uint64_t digest = 0;  // of the state that all ranks hold; 0: not compared this time
  // Each rank's own.
  uint64_t sizes[4] = {0, 0, 0, 0};
  char fault[512] = "";  // why this rank cannot; the others say it too
};

// Every rank's call. Throws what `check` throws, on all ranks: elsewhere as Error WIDEHEAD_DISTRIBUTED that names the rank.
std::vector<Call> meet(Communicator& comm, Call call, const std::function<void()>& check = [] {});

void copyText(char* to, size_t room, const std::string& text);

// A hash of memory to compare the state of ranks by; no use against people.
class Digest {
 public:
  void add(const void* data, size_t bytes);
  template <class T>
  void number(T value) {
    add(&value, sizeof value);
  }
  uint64_t value() const { return hash_ | 1; }  // never 0

 private:
  uint64_t hash_ = 0x9e3779b97f4a7c15u;
};

}  // namespace widehead
