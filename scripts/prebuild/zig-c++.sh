#!/bin/sh
exec "${ZIG:-zig}" c++ "$@"
