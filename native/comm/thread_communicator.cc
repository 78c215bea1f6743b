#include "comm/thread_communicator.h"

#include <chrono>
#include <cstring>
#include <map>

#include "base/error.h"

namespace widehead {

ThreadCommunicator::ThreadCommunicator(std::shared_ptr<ThreadGroup> group, size_t rank)
    : Communicator(rank, group->size()), group_(std::move(group)) {
  const std::lock_guard<std::mutex> lock(group_->mutex_);
  ThreadGroup::Member& self = group_->members_[rank];
  if (self.joined) {
    throw Error(ErrorKind::State, "WIDEHEAD_DISTRIBUTED", "the group has a rank " + std::to_string(rank) + " already");
  }
  self.joined = true;
}

ThreadCommunicator::~ThreadCommunicator() {
  const std::lock_guard<std::mutex> lock(group_->mutex_);
  group_->members_[rank()].left = true;
  group_->changed_.notify_all();
}

// Until condition(), which rank `rank` makes true. In short naps, because stop() wakes nobody.
template <class Condition>
void ThreadCommunicator::waitFor(std::unique_lock<std::mutex>& lock, size_t rank, Condition condition) {
  while (!condition()) {
    checkStopped();
    if (group_->members_[rank].left) {
      throw Error(ErrorKind::State, "WIDEHEAD_DISTRIBUTED", "rank " + std::to_string(rank) + " has left");
    }
    // By this clock, because the one of wait_for is a symbol of glibc 2.30: a clock that is set only makes a nap longer.
    group_->changed_.wait_until(lock, std::chrono::system_clock::now() + std::chrono::milliseconds(20));
  }
}

void ThreadCommunicator::carry(const std::vector<Outgoing>& outgoing, const std::vector<Incoming>& incoming) {
  std::unique_lock<std::mutex> lock(group_->mutex_);
  ThreadGroup::Member& self = group_->members_[rank()];
  try {
    meet(lock, self, outgoing, incoming);
  } catch (...) {
    self.left = true;  // what it sends is its caller's again: nobody may copy it
    group_->changed_.notify_all();
    throw;
  }
}

void ThreadCommunicator::meet(std::unique_lock<std::mutex>& lock, ThreadGroup::Member& self,
                              const std::vector<Outgoing>& outgoing, const std::vector<Incoming>& incoming) {
  self.outgoing = &outgoing;
  const uint64_t call = ++self.posted;
  group_->changed_.notify_all();
  bool fits = true;
  for (size_t r = 0; r < size(); r++) {
    if (r == rank()) continue;
    const ThreadGroup::Member& other = group_->members_[r];
    waitFor(lock, r, [&] { return other.posted >= call && !other.left; });
    const Outgoing& from = (*other.outgoing)[rank()];
    fits = fits && from.bytes == incoming[r].bytes;
    if (fits && from.bytes > 0) std::memcpy(incoming[r].data, from.data, from.bytes);
    arrived(r);
  }
  // Nobody goes on, and frees what it sends, before all have copied it.
  self.finished = call;
  group_->changed_.notify_all();
  for (size_t r = 0; r < size(); r++) {
    if (r != rank()) waitFor(lock, r, [&] { return group_->members_[r].finished >= call; });
  }
  if (!fits) throw Error(ErrorKind::State, "WIDEHEAD_DISTRIBUTED", "the ranks do not make the same calls");
}

std::shared_ptr<ThreadGroup> threadGroup(const std::string& name, size_t size) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<ThreadGroup>> groups;
  const std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<ThreadGroup> group = groups[name].lock();
  if (group == nullptr) groups[name] = group = std::make_shared<ThreadGroup>(size);
  if (group->size() != size) {
    throw Error(ErrorKind::State, "WIDEHEAD_DISTRIBUTED",
                "the group has " + std::to_string(group->size()) + " ranks, and not " + std::to_string(size));
  }
  return group;
}

}  // namespace widehead
