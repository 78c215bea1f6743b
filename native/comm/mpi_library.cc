#include "comm/mpi_library.h"

#include <cstdlib>
#include <vector>

#include "base/error.h"

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

namespace widehead {

namespace {

// A number above 0 in an environment variable; 0 if there is none.
size_t countIn(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return 0;
  char* end = nullptr;
  const unsigned long value = std::strtoul(text, &end, 10);
  return *text != '\0' && *end == '\0' && value < 1u << 24 ? static_cast<size_t>(value) : 0;
}

}  // namespace

Launcher findLauncher() {
  // mpirun of Open MPI; mpirun of MPICH and Intel MPI (hydra), and srun --mpi=pmi2; srun with PMIx, which tells no size itself.
  if (const size_t size = countIn("OMPI_COMM_WORLD_SIZE")) return {"OMPI_COMM_WORLD_SIZE", size, false};
  if (const size_t size = countIn("PMI_SIZE")) return {"PMI_SIZE", size, true};
  if (std::getenv("SLURM_PROCID") != nullptr) {
    if (const size_t size = countIn("SLURM_STEP_NUM_TASKS")) return {"SLURM_STEP_NUM_TASKS", size, false};
    if (const size_t size = countIn("SLURM_NTASKS")) return {"SLURM_NTASKS", size, false};
  }
  return {};
}

#if defined(_WIN32)

const MpiLibrary& MpiLibrary::load() {
  throw Error(ErrorKind::State, "WIDEHEAD_NO_MPI", "training under MPI is not there on Windows");
}

#else

namespace {

std::vector<std::string> namesToTry(const Launcher& launcher) {
  if (const char* only = std::getenv("WIDEHEAD_MPI")) return {only};
#if defined(__APPLE__)
  const std::vector<std::string> open = {"libmpi.40.dylib", "libmpi.dylib"},
                                 mpich = {"libmpi.12.dylib", "libmpich.dylib"};
#else
  const std::vector<std::string> open = {"libmpi.so.40", "libmpi.so.20", "libmpi.so"};
  const std::vector<std::string> mpich = {"libmpi.so.12", "libmpich.so.12", "libmpich.so"};
#endif
  std::vector<std::string> names = launcher.byHydra ? mpich : open;
  const std::vector<std::string>& others = launcher.byHydra ? open : mpich;
  names.insert(names.end(), others.begin(), others.end());
  return names;
}

template <class Function>
void find(void* library, const char* name, Function& function) {
  void* symbol = dlsym(library, name);
  if (symbol == nullptr) throw Error(ErrorKind::State, "WIDEHEAD_NO_MPI", std::string("it has no ") + name);
  function = reinterpret_cast<Function>(symbol);
}

MpiHandle addressOf(void* library, const char* name) {
  void* symbol;
  find(library, name, symbol);
  return reinterpret_cast<MpiHandle>(symbol);
}

MpiLibrary read(void* library, const std::string& path) {
  MpiLibrary mpi{};
  mpi.path = path;
  if (dlsym(library, "ompi_mpi_comm_world") != nullptr) {
    mpi.world = addressOf(library, "ompi_mpi_comm_world");
    mpi.byte = addressOf(library, "ompi_mpi_byte");
    mpi.errorsReturn = addressOf(library, "ompi_mpi_errors_return");
    mpi.nullRequest = addressOf(library, "ompi_request_null");
    mpi.ignoreStatuses = nullptr;
    mpi.requestBytes = sizeof(void*);
  } else {
    // The numbers of the MPICH ABI, which its members have agreed not to change.
    mpi.world = 0x44000000;
    mpi.byte = 0x4c00010d;
    mpi.errorsReturn = 0x54000001;
    mpi.nullRequest = 0x2c000000;
    mpi.ignoreStatuses = reinterpret_cast<void*>(1);
    mpi.requestBytes = sizeof(int);
  }
  find(library, "MPI_Init_thread", mpi.initThread);
  find(library, "MPI_Initialized", mpi.initialized);
  find(library, "MPI_Finalized", mpi.finalized);
  find(library, "MPI_Finalize", mpi.finalize);
  find(library, "MPI_Abort", mpi.abort);
  find(library, "MPI_Comm_rank", mpi.commRank);
  find(library, "MPI_Comm_size", mpi.commSize);
  find(library, "MPI_Comm_dup", mpi.commDup);
  find(library, "MPI_Comm_set_errhandler", mpi.setErrhandler);
  find(library, "MPI_Error_string", mpi.errorString);
  find(library, "MPI_Isend", mpi.isend);
  find(library, "MPI_Irecv", mpi.irecv);
  find(library, "MPI_Testsome", mpi.testsome);
  find(library, "MPI_Cancel", mpi.cancel);
  find(library, "MPI_Request_free", mpi.requestFree);
  return mpi;
}

// UCX, which carries bytes for many an MPI, patches malloc, mmap and brk while other threads run in them, and takes over the signals of
// crashes: a process with the threads of Node in it dies of the one (seen with MPICH 4.0 and UCX 1.13, once in some dozens of starts),
// and the other is not ours to give away. It reads these when it is loaded; who sets them otherwise has the last word.
void tameUcx() {
  const char* const settings[][2] = {{"UCX_MEM_EVENTS", "no"},
                                     {"UCX_MEM_MMAP_HOOK_MODE", "none"},
                                     {"UCX_MEM_MALLOC_HOOKS", "no"},
                                     {"UCX_MEM_MALLOC_RELOC", "no"},
                                     {"UCX_ERROR_SIGNALS", ""}};
  for (const auto& [name, value] : settings) setenv(name, value, 0);
}

MpiLibrary loadNow() {
  tameUcx();
  std::string tried;
  for (const std::string& name : namesToTry(findLauncher())) {
    // Global, because Open MPI's plugins look for its symbols there.
    void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (library == nullptr) {
      const char* fault = dlerror();
      tried += (tried.empty() ? "" : "; ") + std::string(fault != nullptr ? fault : name);
      continue;
    }
    try {
      return read(library, name);
    } catch (const Error& error) {
      dlclose(library);
      tried += (tried.empty() ? "" : "; ") + name + ": " + error.what();
    }
  }
  throw Error(
      ErrorKind::State, "WIDEHEAD_NO_MPI",
      "no MPI library that can be loaded: install Open MPI or MPICH, or name the file in WIDEHEAD_MPI (" + tried + ")");
}

}  // namespace

const MpiLibrary& MpiLibrary::load() {
  static const MpiLibrary library = loadNow();  // one that fails is tried again
  return library;
}

#endif

}  // namespace widehead
