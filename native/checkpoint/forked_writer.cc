#include "checkpoint/forked_writer.h"

#ifndef _WIN32
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#endif
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include <cerrno>

namespace widehead {

#ifdef _WIN32

int64_t forkWriter(std::vector<FilePlan>&) noexcept { return 0; }
WriterState pollWriter(int64_t) noexcept { return {false, -1}; }
void endWriter(int64_t) noexcept {}

#else

namespace {

// Whoever resumes the job of a process that was killed must not meet a writer that is still at it.
bool parentLives(void* parent) { return getppid() == *static_cast<pid_t*>(parent); }

// Sockets and pipes of the parent's would stay open as long as this process lives.
void closeInherited() {
#ifdef SYS_close_range
  syscall(SYS_close_range, 3u, ~0u, 0u);
#endif
}

// In the copy, of whose threads there is only this one: nothing here may allocate, lock, or run anybody's handlers.
[[noreturn]] void writeAll(std::vector<FilePlan>& plans, pid_t parent) {
  closeInherited();
  for (FilePlan& plan : plans) {
    const int fault = writeFile(plan, parentLives, &parent);
    if (fault != 0) _exit(fault < 255 ? fault : EIO);
  }
  _exit(0);
}

}  // namespace

int64_t forkWriter(std::vector<FilePlan>& plans) noexcept {
  // The copy has the parent's signal handlers, which would tell the parent of signals that were meant for the copy.
  sigset_t all, before;
  sigfillset(&all);
  if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return 0;
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) writeAll(plans, parent);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return child > 0 ? child : 0;
}

WriterState pollWriter(int64_t process) noexcept {
  int status = 0;
  const pid_t ended = waitpid(static_cast<pid_t>(process), &status, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return {true, 0};
  if (ended < 0 || !WIFEXITED(status)) return {false, -1};
  return {false, WEXITSTATUS(status)};
}

void endWriter(int64_t process) noexcept {
  // The number of one that has been waited for may be another process by now.
  if (!pollWriter(process).running) return;
  const pid_t child = static_cast<pid_t>(process);
  kill(child, SIGKILL);
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

#endif

}  // namespace widehead
