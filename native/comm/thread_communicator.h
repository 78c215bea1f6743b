// Ranks that are threads of one process: for tests of everything but MPI itself.
#pragma once

#include <condition_variable>

#include "comm/communicator.h"

namespace widehead {

class ThreadGroup {
 public:
  explicit ThreadGroup(size_t size) : members_(size) {}
  size_t size() const { return members_.size(); }

 private:
  friend class ThreadCommunicator;
  struct Member {
    uint64_t posted = 0, finished = 0;  // calls of exchange() begun; and those whose bytes it has copied
    const std::vector<Outgoing>* outgoing = nullptr;
    bool joined = false, left = false;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Member> members_;
};

class ThreadCommunicator : public Communicator {
 public:
  // Throws Error WIDEHEAD_DISTRIBUTED if the group has this rank already.
  ThreadCommunicator(std::shared_ptr<ThreadGroup> group, size_t rank);
  ~ThreadCommunicator() override;

  void abort(int) override {}

 protected:
  void carry(const std::vector<Outgoing>& outgoing, const std::vector<Incoming>& incoming) override;

 private:
  void meet(std::unique_lock<std::mutex>& lock, ThreadGroup::Member& self, const std::vector<Outgoing>& outgoing,
            const std::vector<Incoming>& incoming);
  template <class Condition>
  void waitFor(std::unique_lock<std::mutex>& lock, size_t rank, Condition condition);

  const std::shared_ptr<ThreadGroup> group_;
};

// The group of this name, made by whoever asks first and gone with its last member: how worker threads with an addon of their own meet.
std::shared_ptr<ThreadGroup> threadGroup(const std::string& name, size_t size);

}  // namespace widehead
