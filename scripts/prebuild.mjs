// npm run prebuild: builds the binaries that the package brings, into prebuilds/, and checks them.
//
//   npm run prebuild                   the one of this machine
//   npm run prebuild -- --all          all that the toolchains here allow, and says which not and why
//   npm run prebuild -- linux-arm64-glibc ...

import { mkdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { checkBinary } from './prebuild/check.mjs'
import { missing, TARGETS } from './prebuild/targets.mjs'

const prebuildify = promisify(createRequire(import.meta.url)('prebuildify'))
const root = fileURLToPath(new URL('..', import.meta.url))
const wanted = process.argv.slice(2)
const all = wanted.includes('--all')

const unknown = wanted.filter((name) => name !== '--all' && !TARGETS.some((target) => target.name === name))
if (unknown.length > 0) {
  console.error(`unknown target ${unknown.join(', ')}: choose from ${TARGETS.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

function isWanted({ name, platform, arch }) {
  if (all || wanted.includes(name)) return true
  return wanted.length === 0 && platform === process.platform && arch === process.arch && !name.endsWith('musl')
}

async function build({ name, platform, arch, libc, strip, cmake, zigTarget }) {
  const cwd = `${root}build-prebuild/${name}`
  rmSync(cwd, { recursive: true, force: true }) // what is left of another toolchain would be taken for this one's
  mkdirSync(cwd, { recursive: true })
  process.env.WIDEHEAD_CMAKE_ARGS = JSON.stringify(cmake)
  process.env.WIDEHEAD_ZIG_TARGET = zigTarget ?? ''
  await prebuildify({
    ...{ name: 'widehead', napi: true, cwd, out: root, platform, arch, libc, tagLibc: libc !== undefined },
    ...{ strip: strip !== null, stripBin: strip ?? 'strip', nodeGyp: `${root}scripts/prebuild/builder.mjs` },
    targets: [process.versions.node],
  })
  return `${root}prebuilds/${platform}-${arch}/widehead${libc ? `.${libc}` : ''}.node`
}

const report = []
let failed = false
for (const target of TARGETS.filter(isWanted)) {
  const why = missing(target)
  if (why) {
    report.push(`${target.name.padEnd(18)} skipped: ${why}`)
    if (wanted.includes(target.name)) failed = true
    continue
  }
  try {
    const { bytes, facts } = checkBinary(await build(target), target)
    const unverified = target.unverified ? '; UNVERIFIED: it was never run' : ''
    report.push(`${target.name.padEnd(18)} ${(bytes / 2 ** 20).toFixed(2)} MiB, ${facts}${unverified}`)
  } catch (error) {
    failed = true
    report.push(`${target.name.padEnd(18)} FAILED: ${error.message}`)
  }
}
console.log(`\n${report.join('\n')}`)
process.exit(failed ? 1 : 0)
