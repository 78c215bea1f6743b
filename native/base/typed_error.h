// What has been thrown, as the one exception type of the core.
#pragma once

#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "base/error.h"

namespace widehead {

inline Error typedError(const std::exception_ptr& thrown) {
  const auto internal = [](const char* what) {
    return Error(ErrorKind::State, "WIDEHEAD_INTERNAL", std::string("a call failed in a way that none should: ") + what);
  };
  const auto outOfMemory = [] { return Error(ErrorKind::Range, "WIDEHEAD_OUT_OF_MEMORY", "out of memory"); };
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return outOfMemory();
  } catch (const std::length_error&) {  // of a container larger than any memory
    return outOfMemory();
  } catch (const std::exception& error) {
    return internal(error.what());
  } catch (...) {
    return internal("something was thrown that is no error");
  }
}

}  // namespace widehead
