// Only for prebuilt binaries: binds what the C library of the build machine offers in newer versions to the versions that systems since
// glibc 2.17 have, so that one binary runs on all of them. The linker's --wrap sends every call here, those of the static
// C++ library among them.
#include <cstddef>  // says whether it is glibc

#if defined(__GLIBC__)

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>

#if defined(__x86_64__)
#define OLDEST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define OLDEST "GLIBC_2.17"
#else
#error "say which version of glibc this processor began with"
#endif

// name, result, parameters, arguments
#define WIDEHEAD_WRAPPED(X)                                                                                  \
  X(pthread_create, int, (pthread_t * t, const pthread_attr_t* a, void* (*f)(void*), void* x), (t, a, f, x)) \
  X(pthread_join, int, (pthread_t t, void** result), (t, result))                                            \
  X(pthread_detach, int, (pthread_t t), (t))                                                                 \
  X(pthread_sigmask, int, (int how, const sigset_t* set, sigset_t* old), (how, set, old))                    \
  X(pthread_once, int, (pthread_once_t * once, void (*f)()), (once, f))                                      \
  X(pthread_key_create, int, (pthread_key_t * key, void (*destroy)(void*)), (key, destroy))                  \
  X(pthread_key_delete, int, (pthread_key_t key), (key))                                                     \
  X(pthread_getspecific, void*, (pthread_key_t key), (key))                                                  \
  X(pthread_setspecific, int, (pthread_key_t key, const void* value), (key, value))                          \
  X(pthread_mutex_trylock, int, (pthread_mutex_t * mutex), (mutex))                                          \
  X(dlopen, void*, (const char* path, int mode), (path, mode))                                               \
  X(dlsym, void*, (void* library, const char* name), (library, name))                                        \
  X(dlclose, int, (void* library), (library))                                                                \
  X(dlerror, char*, (), ())                                                                                  \
  X(dladdr, int, (const void* address, Dl_info* info), (address, info))                                      \
  X(exp, double, (double x), (x))                                                                            \
  X(log, double, (double x), (x))                                                                            \
  X(pow, double, (double x, double y), (x, y))                                                               \
  X(hypot, double, (double x, double y), (x, y))

extern "C" {

#define WIDEHEAD_WRAP(name, Result, parameters, arguments)     \
  __asm__(".symver widehead_old_" #name "," #name "@" OLDEST); \
  Result widehead_old_##name parameters;                       \
  Result __wrap_##name parameters { return widehead_old_##name arguments; }
WIDEHEAD_WRAPPED(WIDEHEAD_WRAP)

// "There may be other threads": with true it would only save locks.
char __wrap___libc_single_threaded = 0;

}  // extern "C"

#endif
