// Scratch of a thread's own, made when the thread first asks and kept until it ends.
#pragma once

namespace widehead {

// `Place` tells one user's object from another's: perThread<Buffer<float>>([] {}) is one for each line that says so.
template <class T, class Place>
T& perThread(Place) {
#if defined(__MINGW32__)
  // Never freed: MinGW destroys such objects after it has freed their memory, while it holds a lock on which the end of the process
  // waits. Threads of libuv's that had run steps of an exact head kept Node from ending.
  static thread_local T* object = nullptr;
  if (object == nullptr) object = new T;
  return *object;
#else
  static thread_local T object;
  return object;
#endif
}

}  // namespace widehead
