# zig as the compiler; it brings the C and C++ libraries of all targets.
set(CMAKE_CXX_COMPILER ${CMAKE_CURRENT_LIST_DIR}/zig-c++.sh)
# zig has ar and ranlib of its own; the probe for threads fails under zig, which has them.
set(CMAKE_AR ${CMAKE_CURRENT_LIST_DIR}/zig-ar.sh)
set(CMAKE_RANLIB ${CMAKE_CURRENT_LIST_DIR}/zig-ranlib.sh)
set(CMAKE_HAVE_LIBC_PTHREAD ON)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
