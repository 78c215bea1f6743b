#!/bin/sh
# The target comes by the environment: cmake-js replaces the flags of a toolchain file.
exec "${ZIG:-zig}" c++ -target "$WIDEHEAD_ZIG_TARGET" "$@"
