#!/bin/sh
exec "${ZIG:-zig}" ranlib "$@"
