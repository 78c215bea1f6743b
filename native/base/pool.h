// A persistent pool of threads, one for the process.
#pragma once

#include <cstddef>
#include <functional>

namespace widehead {

// Threads in use, the caller included; 1 and above. WIDEHEAD_THREADS or the number of cores at the start.
size_t threads();
void setThreads(size_t count);

// Runs body(begin, end) over [0, count) cut into contiguous parts of at least `grain` items: a fixed partition that
// depends on count, grain and threads() alone, never on timing. The caller runs the first part. A call from inside a
// body, or while another thread holds the pool, runs all of its parts in the caller. body must not throw.
void parallelFor(size_t count, size_t grain, const std::function<void(size_t begin, size_t end)>& body);

}  // namespace widehead
