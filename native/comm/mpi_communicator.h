// The ranks of an MPI job.
#pragma once

#include "comm/communicator.h"
#include "comm/mpi_library.h"

namespace widehead {

class MpiCommunicator : public Communicator {
 public:
  // All ranks of the job; initialises MPI in the first call. One for the process, until the end of it.
  // Throws Error WIDEHEAD_NO_MPI; WIDEHEAD_LAUNCHER if the library knows of another number of ranks than the launcher.
  static std::shared_ptr<Communicator> world();
  // Before a process ends well: waits for all ranks to come here. Nothing happens where MPI was never used.
  static void finalize();

  void abort(int code) override;

 protected:
  void carry(const std::vector<Outgoing>& outgoing, const std::vector<Incoming>& incoming) override;

 private:
  struct Requests;
  MpiCommunicator(const MpiLibrary& mpi, MpiHandle comm, size_t rank, size_t size)
      : Communicator(rank, size), mpi_(mpi), comm_(comm) {}
  void post(Requests& requests, const std::vector<Outgoing>& outgoing, const std::vector<Incoming>& incoming);
  void wait(Requests& requests);
  bool poll(Requests& requests);
  void check(int code) const;

  const MpiLibrary& mpi_;
  const MpiHandle comm_;
  std::mutex calls_;  // MPI is called by one thread at a time (MPI_THREAD_SERIALIZED)
};

}  // namespace widehead
