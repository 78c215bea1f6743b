// MPI as it is found at run time: there is nothing of it to build with.
//
// Two binary interfaces cover what is installed: Open MPI's, whose handles are addresses of the library's own symbols, and that of
// MPICH (also Intel MPI, MVAPICH, Cray MPICH), whose handles are numbers of 32 bits. Both fit a word of 64 bits: a function that takes
// an int for a handle reads its low half, one that takes a pointer the whole (all of them pass it in a register).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace widehead {

using MpiHandle = uint64_t;

struct MpiLibrary {
  // Tries the names that go with the launcher that started this process, then the others; WIDEHEAD_MPI, if set, names the only one.
  // Throws Error WIDEHEAD_NO_MPI that says what was tried.
  static const MpiLibrary& load();

  std::string path;  // as it was found
  MpiHandle world, byte, errorsReturn;
  MpiHandle nullRequest;
  void* ignoreStatuses;
  size_t requestBytes;  // of a request in an array of them: 8 or 4

  int (*initThread)(int*, char***, int, int*);
  int (*initialized)(int*);
  int (*finalized)(int*);
  int (*finalize)();
  int (*abort)(MpiHandle, int);
  int (*commRank)(MpiHandle, int*);
  int (*commSize)(MpiHandle, int*);
  int (*commDup)(MpiHandle, MpiHandle*);
  int (*setErrhandler)(MpiHandle, MpiHandle);
  int (*errorString)(int, char*, int*);
  int (*isend)(const void*, int, MpiHandle, int, int, MpiHandle, void*);
  int (*irecv)(void*, int, MpiHandle, int, int, MpiHandle, void*);
  int (*testsome)(int, void*, int*, int*, void*);
  int (*cancel)(void*);
  int (*requestFree)(void*);
};

// What the launcher of this process says of the job: by its environment, before MPI is asked.
struct Launcher {
  const char* variable = nullptr;  // that says so; null: none was found
  size_t size = 1;
  bool byHydra = false;  // mpirun of MPICH and its kin, or what speaks like it
};
Launcher findLauncher();

}  // namespace widehead
