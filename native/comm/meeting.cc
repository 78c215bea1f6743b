#include "comm/meeting.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>

#include "base/error.h"

namespace widehead {

namespace {

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorKind::State, "WIDEHEAD_DISTRIBUTED", message); }

std::string name(size_t rank) { return "rank " + std::to_string(rank); }

// Of two calls that should be the same.
void compare(const Call& first, const Call& call, size_t rank) {
  if (std::strcmp(first.what, call.what) != 0) {
    refuse("all ranks must make the same calls in the same order: rank 0 is in " + std::string(first.what) + ", " +
           name(rank) + " in " + call.what);
  }
  if (first.recipe != call.recipe) {
    refuse("all ranks must use the same options, version of widehead and instruction set: those of " + name(rank) +
           " are not those of rank 0 (" + first.what + ")");
  }
  if (first.version != call.version) {
    refuse("rank 0 has made " + std::to_string(first.version) + " updates, " + name(rank) + " " +
           std::to_string(call.version));
  }
  for (size_t i = 0; i < 3; i++) {
    if (first.numbers[i] == call.numbers[i]) continue;
    refuse("all ranks must step with the same rates: rank 0 has " + shown(first.numbers[i]) + ", " + name(rank) + " " +
           shown(call.numbers[i]));
  }
  if (first.digest != call.digest) {
    refuse("the ranks have come apart: after " + std::to_string(first.version) +
           " updates the state of rank 0 has the hash " + hex(first.digest) + ", that of " + name(rank) + " " +
           hex(call.digest));
  }
}

}  // namespace

void copyText(char* to, size_t room, const std::string& text) {
  const size_t length = std::min(text.size(), room - 1);
  std::memcpy(to, text.data(), length);
  std::memset(to + length, 0, room - length);
}

std::vector<Call> meet(Communicator& comm, Call call, const std::function<void()>& check) {
  std::exception_ptr own;
  try {
    check();
  } catch (const std::exception& error) {
    own = std::current_exception();
    copyText(call.fault, sizeof call.fault, *error.what() != '\0' ? error.what() : "failed");
  }
  std::vector<Call> calls(comm.size());
  calls[comm.rank()] = call;
  std::vector<size_t> ends(comm.size());
  for (size_t r = 0; r < comm.size(); r++) ends[r] = (r + 1) * sizeof(Call);
  comm.allGather(calls.data(), ends);
  if (own) std::rethrow_exception(own);
  for (size_t r = 0; r < comm.size(); r++) {
    if (calls[r].fault[0] != '\0') refuse(name(r) + ": " + calls[r].fault);
  }
  for (size_t r = 1; r < comm.size(); r++) compare(calls[0], calls[r], r);
  return calls;
}

void Digest::add(const void* data, size_t bytes) {
  const auto* from = static_cast<const unsigned char*>(data);
  const auto mix = [this](uint64_t word) {
    hash_ = (hash_ ^ word) * 0xd6e8feb86659fd93u;
    hash_ ^= hash_ >> 32;
  };
  for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t), from += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, from, sizeof word);
    mix(word);
  }
  uint64_t rest = bytes;
  for (size_t i = 0; i < bytes; i++) rest = rest << 8 | from[i];
  mix(rest);
}

}  // namespace widehead
