#include "comm/mpi_communicator.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/error.h"

namespace widehead {

namespace {

constexpr int kSerialized = 2;                  // MPI_THREAD_SERIALIZED in both interfaces
constexpr size_t kMostBytes = size_t{1} << 30;  // of a message: lengths are ints
// Ranks that share cores must not keep each other from working: who waits gives its core away, and after a while naps.
constexpr std::chrono::microseconds kSpin{20}, kYield{2000}, kNap{50};

std::mutex worldMutex;
std::shared_ptr<Communicator> worldCommunicator;

[[noreturn]] void refuse(const char* code, const std::string& message) { throw Error(ErrorKind::State, code, message); }

void checkSize(const MpiLibrary& mpi, size_t size) {
  const Launcher launcher = findLauncher();
  if (launcher.variable == nullptr || launcher.size == size) return;
  refuse("WIDEHEAD_LAUNCHER",
         "the launcher started " + std::to_string(launcher.size) + " processes (" + launcher.variable + "), but " +
             mpi.path + " knows of " + std::to_string(size) +
             ": the launcher and the library must be of one MPI; WIDEHEAD_MPI names the library to load");
}

}  // namespace

// Requests of one exchange, as MPI wants them: an array of ints or of pointers.
struct MpiCommunicator::Requests {
  std::vector<MpiHandle> handles;  // the array lies in here
  std::vector<int> finished;       // filled by MPI_Testsome
  struct Message {
    size_t rank;
    bool receives, done;
  };
  std::vector<Message> messages;
  std::vector<size_t>
      open;  // messages from and to each rank that are not through: one that is frozen may have sent all of its own
  size_t left = 0;
};

std::shared_ptr<Communicator> MpiCommunicator::world() {
  const std::lock_guard<std::mutex> lock(worldMutex);
  if (worldCommunicator != nullptr) return worldCommunicator;
  const MpiLibrary& mpi = MpiLibrary::load();
  int flag = 0, level = 0, rank = 0, size = 1;
  mpi.finalized(&flag);
  if (flag != 0) refuse("WIDEHEAD_DISTRIBUTED", "MPI was used in this process before, and has ended");
  mpi.initialized(&flag);
  if (flag == 0) {
    if (mpi.initThread(nullptr, nullptr, kSerialized, &level) != 0)
      refuse("WIDEHEAD_NO_MPI", mpi.path + " could not be initialised");
    if (level < kSerialized) refuse("WIDEHEAD_NO_MPI", mpi.path + " cannot be called from several threads");
  }
  mpi.commRank(mpi.world, &rank);
  mpi.commSize(mpi.world, &size);
  checkSize(mpi, static_cast<size_t>(size));
  MpiHandle own = 0;  // MPICH fills the low half
  if (mpi.commDup(mpi.world, &own) != 0) refuse("WIDEHEAD_DISTRIBUTED", "MPI_Comm_dup failed");
  mpi.setErrhandler(own, mpi.errorsReturn);
  worldCommunicator.reset(new MpiCommunicator(mpi, own, static_cast<size_t>(rank), static_cast<size_t>(size)));
  return worldCommunicator;
}

void MpiCommunicator::finalize() {
  const std::lock_guard<std::mutex> lock(worldMutex);
  if (worldCommunicator == nullptr) return;
  const MpiLibrary& mpi = MpiLibrary::load();
  int flag = 0;
  mpi.finalized(&flag);
  if (flag == 0) mpi.finalize();
}

void MpiCommunicator::abort(int code) {
  const std::lock_guard<std::mutex> lock(calls_);
  mpi_.abort(mpi_.world, code);
}

void MpiCommunicator::check(int code) const {
  if (code == 0) return;
  char text[8192] = "";
  int length = 0;
  mpi_.errorString(code, text, &length);
  refuse("WIDEHEAD_DISTRIBUTED", std::string("MPI failed: ") + text);
}

void MpiCommunicator::carry(const std::vector<Outgoing>& outgoing, const std::vector<Incoming>& incoming) {
  Requests requests;
  try {
    post(requests, outgoing, incoming);
    wait(requests);
  } catch (...) {
    // The buffers are the caller's again. What was to be sent stays with MPI: the job is at its end.
    const std::lock_guard<std::mutex> lock(calls_);
    char* slots = reinterpret_cast<char*>(requests.handles.data());
    for (size_t i = 0; i < requests.messages.size(); i++) {
      if (requests.messages[i].done) continue;
      if (requests.messages[i].receives) mpi_.cancel(slots + i * mpi_.requestBytes);
      mpi_.requestFree(slots + i * mpi_.requestBytes);
    }
    throw;
  }
}

void MpiCommunicator::post(Requests& requests, const std::vector<Outgoing>& outgoing,
                           const std::vector<Incoming>& incoming) {
  // An exchange of nothing is a message too: whoever waits for it knows that the other has come.
  const auto messagesOf = [](size_t bytes) { return std::max<size_t>(1, (bytes + kMostBytes - 1) / kMostBytes); };
  size_t count = 0;
  for (size_t r = 0; r < size(); r++) {
    if (r != rank()) count += messagesOf(outgoing[r].bytes) + messagesOf(incoming[r].bytes);
  }
  requests.handles.assign(count, mpi_.nullRequest);
  requests.finished.resize(count);
  requests.open.assign(size(), 0);
  char* slot = reinterpret_cast<char*>(requests.handles.data());
  const auto each = [&](size_t r, size_t bytes, bool receives, auto start) {
    for (size_t i = 0; i < messagesOf(bytes); i++, slot += mpi_.requestBytes) {
      const size_t from = i * kMostBytes;
      check(start(from, static_cast<int>(std::min(kMostBytes, bytes - from)), slot));
      requests.messages.push_back({r, receives, false});
      requests.open[r]++;
    }
  };
  const std::lock_guard<std::mutex> lock(calls_);
  // Each begins with the rank after it, so that not all send to one at first.
  for (size_t i = 1; i < size(); i++) {
    const size_t r = (rank() + size() - i) % size();
    each(r, incoming[r].bytes, true, [&](size_t from, int bytes, void* request) {
      return mpi_.irecv(static_cast<char*>(incoming[r].data) + from, bytes, mpi_.byte, static_cast<int>(r), 0, comm_,
                        request);
    });
  }
  for (size_t i = 1; i < size(); i++) {
    const size_t r = (rank() + i) % size();
    each(r, outgoing[r].bytes, false, [&](size_t from, int bytes, void* request) {
      return mpi_.isend(static_cast<const char*>(outgoing[r].data) + from, bytes, mpi_.byte, static_cast<int>(r), 0,
                        comm_, request);
    });
  }
  requests.left = count;
}

void MpiCommunicator::wait(Requests& requests) {
  const auto start = std::chrono::steady_clock::now();
  while (!poll(requests)) {
    checkStopped();
    const auto waited = std::chrono::steady_clock::now() - start;
    if (waited < kSpin) continue;
    if (waited < kYield) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(kNap);
    }
  }
}

// Whether all messages are through.
bool MpiCommunicator::poll(Requests& requests) {
  if (requests.left == 0) return true;
  int count = 0;
  {
    const std::lock_guard<std::mutex> lock(calls_);
    check(mpi_.testsome(static_cast<int>(requests.messages.size()), requests.handles.data(), &count,
                        requests.finished.data(), mpi_.ignoreStatuses));
  }
  for (int i = 0; i < count; i++) {
    Requests::Message& message = requests.messages[static_cast<size_t>(requests.finished[static_cast<size_t>(i)])];
    message.done = true;
    if (--requests.open[message.rank] == 0) arrived(message.rank);
    requests.left--;
  }
  return requests.left == 0;
}

}  // namespace widehead
