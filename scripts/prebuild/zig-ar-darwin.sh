#!/bin/sh
# The archives that its linker reads for macOS are those of Darwin.
exec "${ZIG:-zig}" ar --format=darwin "$@"
