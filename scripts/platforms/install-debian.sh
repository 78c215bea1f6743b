#!/bin/sh
# What `npm run prebuild -- --all` and `npm run test:platforms` need of Debian or Ubuntu; zig, for musl and macOS, is not there.
set -e
apt-get update -qq
apt-get install -y -qq cmake g++ make g++-aarch64-linux-gnu g++-mingw-w64-x86-64-posix mingw-w64-tools \
  qemu-user-static wine wine64 musl
