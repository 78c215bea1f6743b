# What makes the addon one that other systems of the same kind can load; included by CMakeLists.txt with WIDEHEAD_PORTABLE.

target_compile_options(widehead_core PRIVATE -ffunction-sections -fdata-sections)
target_compile_options(widehead PRIVATE -ffunction-sections -fdata-sections)

if(WIN32)
  # The import library names node.exe; nothing else is needed of the machine but Windows.
  execute_process(COMMAND node -p "require('node-api-headers').def_paths.node_api_def"
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} OUTPUT_VARIABLE definitions OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY)
  set(node_library ${CMAKE_CURRENT_BINARY_DIR}/libnode.a)
  execute_process(COMMAND x86_64-w64-mingw32-dlltool -d ${definitions} -D node.exe -l ${node_library} COMMAND_ERROR_IS_FATAL ANY)
  target_link_libraries(widehead PRIVATE ${node_library})
  set_target_properties(widehead PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/Release)
  target_link_options(widehead PRIVATE -static -Wl,--gc-sections -Wl,--exclude-all-symbols)
elseif(NOT APPLE)
  target_link_options(widehead PRIVATE -static-libstdc++ -Wl,--gc-sections
    -Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/native/exports.map)
  if(NOT WIDEHEAD_MUSL)
    # The names are those of glibc_compat.cc.
    file(READ ${native}/glibc_compat.cc text)
    string(REGEX MATCHALL "X\\([a-z_]+, " wrapped "${text}")
    list(TRANSFORM wrapped REPLACE "X\\(([a-z_]+), " "\\1")
    list(APPEND wrapped __libc_single_threaded)
    list(TRANSFORM wrapped PREPEND "-Wl,--wrap=")
    target_sources(widehead PRIVATE ${native}/glibc_compat.cc)
    target_link_options(widehead PRIVATE ${wrapped})
  endif()
endif()
