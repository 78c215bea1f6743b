// The one exception type of the core. The addon turns it into a JavaScript error; nothing here prints or aborts.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace widehead {

// Kinds map to the JavaScript classes a caller expects: a value outside its range, or a state in which the call makes no
// sense. (Types are checked before the core is called.)
enum class ErrorKind { Range, State };

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const char* code, const std::string& message)
      : std::runtime_error(message), kind(kind), code(code) {}

  const ErrorKind kind;
  const char* const code;  // stable, e.g. "WIDEHEAD_OUT_OF_MEMORY"; documented in lib/errors.ts
};

// A number in a message, as JavaScript writes it where C++ would write nan or inf.
inline std::string shown(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return std::to_string(value);
}

// All sixteen digits of a hash or of the name of something random.
inline std::string hex(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

}  // namespace widehead
