set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR arm64)
include(${CMAKE_CURRENT_LIST_DIR}/zig.cmake)
set(CMAKE_AR ${CMAKE_CURRENT_LIST_DIR}/zig-ar-darwin.sh)
