// One result as one line of JSON on standard output.
#pragma once

#include <cmath>
#include <cstdio>
#include <string>

#include "sampler.h"

namespace bench {

class JsonLine {
 public:
  ~JsonLine() {
    std::printf("{%s}\n", text_.c_str());
    std::fflush(stdout);
  }
  JsonLine() = default;
  JsonLine(const JsonLine&) = delete;
  JsonLine& operator=(const JsonLine&) = delete;

  JsonLine& add(const char* name, const std::string& value) {
    std::string quoted = "\"";
    for (char c : value) {
      if (c == '"' || c == '\\') quoted += '\\';
      if (static_cast<unsigned char>(c) >= ' ') quoted += c;
    }
    return raw(name, quoted + '"');
  }
  JsonLine& add(const char* name, double value) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.9g", value);
    return raw(name, std::isfinite(value) ? digits : "null");
  }
  JsonLine& add(const char* name, const Summary& s) {
    char digits[160];
    std::snprintf(digits, sizeof digits, "{\"median\":%.6g,\"low\":%.6g,\"high\":%.6g,\"samples\":%zu,\"calls\":%zu}",
                  s.median, s.low, s.high, s.samples, s.calls);
    return raw(name, digits);
  }
  JsonLine& addNull(const char* name) { return raw(name, "null"); }

 private:
  JsonLine& raw(const char* name, const std::string& value) {
    text_ += (text_.empty() ? "\"" : ",\"") + std::string(name) + "\":" + value;
    return *this;
  }

  std::string text_;
};

}  // namespace bench
