// What a prebuilt binary must be: small, without a C++ library of the system's, without a newer glibc than the floor, and with nothing
// visible but the addon's entry points. Also a command: node scripts/prebuild/check.mjs checks what lies in prebuilds/.

import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { GLIBC_FLOOR, TARGETS } from './targets.mjs'

const ENTRIES = ['napi_register_module_v1', 'node_api_module_get_api_version_v1']
const LIBRARIES = {
  glibc: /^(lib(m|c|gcc_s|dl|pthread)\.so\.\d|ld-linux.*\.so\.\d)$/,
  musl: /^libc\.so$/,
  win32: /^(node\.exe|kernel32\.dll|msvcrt\.dll)$/i,
}

function run(tool, args) {
  const { stdout, stderr, error, status } = spawnSync(tool, args, { encoding: 'utf8', maxBuffer: 2 ** 26 })
  if (error || status !== 0) throw new Error(`${tool} ${args.join(' ')}: ${error?.message ?? stderr}`)
  return stdout
}

/** Throws an error that says what is wrong; returns what is right. */
export function checkBinary(file, { platform, libc, objdump }) {
  const bytes = statSync(file).size
  if (objdump === null) return { bytes, facts: 'not looked into' }
  const headers = run(objdump, ['-p', file])
  const needed = [...headers.matchAll(/(?:NEEDED\s+|DLL Name: )(\S+)/g)].map(([, name]) => name)
  const strange = needed.filter((name) => !LIBRARIES[libc ?? platform].test(name))
  if (strange.length > 0) throw new Error(`${file} needs ${strange.join(', ')}`)
  if (platform !== 'linux') return { bytes, facts: `needs ${needed.join(', ')}` }
  const symbols = run(objdump, ['-T', file])
  const visible = symbols
    .split('\n')
    .filter((line) => / g +D/.test(line))
    .map((line) => line.trim().split(/\s+/).at(-1))
  const extra = visible.filter((name) => !ENTRIES.includes(name))
  if (extra.length > 0) throw new Error(`${file} shows ${extra.join(', ')}`)
  if (ENTRIES.some((name) => !visible.includes(name))) throw new Error(`${file} lacks an entry point`)
  if (symbols.includes('GLIBCXX_')) throw new Error(`${file} needs the system's C++ library`)
  if (libc !== 'glibc') return { bytes, facts: `needs ${needed.join(', ')}` }
  const versions = [...symbols.matchAll(/GLIBC_(\d+)\.(\d+)/g)].map(([, major, minor]) => [
    Number(major),
    Number(minor),
  ])
  const newest = versions.reduce((a, b) => (b[0] > a[0] || (b[0] === a[0] && b[1] > a[1]) ? b : a))
  if (newest[0] > GLIBC_FLOOR[0] || newest[1] > GLIBC_FLOOR[1]) {
    throw new Error(`${file} needs glibc ${newest.join('.')}, above ${GLIBC_FLOOR.join('.')}`)
  }
  return { bytes, facts: `glibc ${newest.join('.')}` }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  for (const target of TARGETS) {
    const { platform, arch, libc } = target
    const file = `${root}prebuilds/${platform}-${arch}/widehead${libc ? `.${libc}` : ''}.node`
    if (existsSync(file)) console.log(`${target.name.padEnd(18)} ${checkBinary(file, target).facts}`)
    else console.log(`${target.name.padEnd(18)} not built`)
  }
}
