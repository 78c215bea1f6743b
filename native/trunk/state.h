// Putting the saved state of an optimiser back: its checks and its copy.
#pragma once

#include <cstddef>

#include "optim/state.h"

namespace widehead {

// Throws WIDEHEAD_OUT_OF_RANGE that names the first value that no training leaves behind.
void checkState(const char* name, StateArray::Kind kind, const void* data, size_t count);

// Copies `bytes` bytes, without writing where they are the same already: the zeros of rows that were never trained do not
// take memory that a table had not touched.
void copyChanged(void* to, const void* from, size_t bytes);

}  // namespace widehead
