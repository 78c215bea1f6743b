// What prebuilt binaries there are, what building each needs, and what each is checked for.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const toolchain = (name) => `--CDCMAKE_TOOLCHAIN_FILE=${here}${name}.cmake`
const zig = process.env.ZIG ?? 'zig'
const host = `${process.platform}-${process.arch}`

/** The newest glibc that the Node versions we support do without. */
export const GLIBC_FLOOR = [2, 28]

export const TARGETS = [
  {
    name: 'linux-x64-glibc',
    platform: 'linux',
    arch: 'x64',
    libc: 'glibc',
    tools: [process.env.CXX ?? 'g++'],
    needs: 'Linux on x64 with g++',
    possible: host === 'linux-x64',
    strip: 'strip',
    objdump: 'objdump',
    cmake: [],
  },
  {
    name: 'linux-arm64-glibc',
    platform: 'linux',
    arch: 'arm64',
    libc: 'glibc',
    tools: ['aarch64-linux-gnu-g++'],
    needs: "Debian's g++-aarch64-linux-gnu",
    possible: true,
    strip: 'aarch64-linux-gnu-strip',
    objdump: 'aarch64-linux-gnu-objdump',
    cmake: [toolchain('linux-arm64')],
  },
  {
    name: 'linux-x64-musl',
    platform: 'linux',
    arch: 'x64',
    libc: 'musl',
    tools: [zig],
    needs: 'zig 0.12 or later on PATH, or in ZIG',
    possible: true,
    strip: 'strip',
    objdump: 'objdump',
    zigTarget: 'x86_64-linux-musl',
    cmake: [toolchain('linux-x64-musl')],
  },
  {
    name: 'win32-x64',
    platform: 'win32',
    arch: 'x64',
    tools: ['x86_64-w64-mingw32-g++-posix', 'x86_64-w64-mingw32-dlltool'],
    needs: "Debian's g++-mingw-w64-x86-64-posix and mingw-w64-tools",
    possible: true,
    strip: 'x86_64-w64-mingw32-strip',
    objdump: 'x86_64-w64-mingw32-objdump',
    cmake: [toolchain('win32-x64')],
  },
  {
    name: 'darwin-arm64',
    platform: 'darwin',
    arch: 'arm64',
    unverified: true, // nothing here can run it
    tools: host === 'darwin-arm64' ? ['c++'] : [zig],
    needs: 'a Mac, or zig 0.12 or later on PATH, or in ZIG',
    possible: true,
    strip: null, // stripping would take the signature
    objdump: null,
    zigTarget: 'aarch64-macos.11.0',
    cmake: host === 'darwin-arm64' ? [] : [toolchain('darwin-arm64')],
  },
]

/** Why it cannot be built here, or undefined. */
export function missing({ tools, possible, needs }) {
  if (!possible) return `needs ${needs}`
  const absent = tools.filter((tool) => spawnSync(tool, ['--version']).error && spawnSync(tool, ['version']).error)
  return absent.length > 0 ? `${absent.join(', ')} not found: needs ${needs}` : undefined
}
