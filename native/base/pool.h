// A persistent pool of threads, one for the process.
#pragma once

#include <cstddef>
#include <functional>

namespace widehead {

// Threads in use, the caller included; 1 and above. WIDEHEAD_THREADS or the number of cores at the start.
size_t threads();
void setThreads(size_t count);

// Threads that the caller can hand work to, itself included: threads(), or inside a body its share of them.
size_t teamThreads();

// Runs body(begin, end) over [0, count) cut into contiguous parts of at least `grain` items, no more than teamThreads(). The caller
// runs the first part. Inside a body, or while another thread holds the pool, the caller runs everything. body must not throw.
void parallelFor(size_t count, size_t grain, const std::function<void(size_t begin, size_t end)>& body);

// Runs two things at the same time, each with half of the threads: parallelFor inside them uses that half. One after the other
// with one thread. If one throws, the other still ends, and the exception goes on.
void inParallel(const std::function<void()>& first, const std::function<void()>& second);

}  // namespace widehead
