// Writes files from a copy of this process, in which memory stays as it is at this moment: the caller goes on changing it at
// once. What that costs is the system's copy of the pages that change until the files are written (copy on write).
#pragma once

#include <cstdint>
#include <vector>

#include "checkpoint/file_plan.h"

namespace widehead {

// Starts it; returns the id of the process, or 0 where the system cannot, or has not the memory.
int64_t forkWriter(std::vector<FilePlan>& plans) noexcept;

// How it ended: running, or the number of the system's error, 0 for none; -1 if it was killed.
struct WriterState {
  bool running;
  int fault;
};
WriterState pollWriter(int64_t process) noexcept;

// Ends one whose files nobody waits for any more; what it has written is no whole file.
void endWriter(int64_t process) noexcept;

}  // namespace widehead
