// npm run test:platforms: the tests that every head must pass, with the prebuilt binaries, on the platforms that they are for.
//
//   npm run test:platforms                    all that this machine can, and says which not and why
//   npm run test:platforms -- node-22 nehalem ...
//
// Binaries come from npm run prebuild -- --all, Node of other versions and platforms from the npm registry, emulators from Debian.

import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { folder, prepare } from './platforms/code.mjs'
import { missing, PLATFORMS } from './platforms/platforms.mjs'

const MOST_MS = 30 * 60_000
const names = process.argv.slice(2)
const unknown = names.filter((name) => !PLATFORMS.some((platform) => platform.name === name))
if (unknown.length > 0) {
  console.error(`unknown platform ${unknown.join(', ')}: choose from ${PLATFORMS.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
if (!process.env.npm_execpath) throw new Error('run it as npm run test:platforms')

/** Output goes to a file: Node under Wine has no pipes. */
function run({ name, isa, start }, { code, files }) {
  const { command, env } = start()
  const log = join(folder, `${name}.log`)
  const output = openSync(log, 'w')
  const [file, ...args] = [...command, 'run-files.mjs', JSON.stringify({ files, isa })]
  const { status, signal, error } = spawnSync(file, args, {
    cwd: code,
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output],
    timeout: MOST_MS,
  })
  closeSync(output)
  const text = readFileSync(log, 'utf8')
  console.log(text)
  const [, counts] = /^ +(\d+ passed, \d+ failed, \d+ skipped)\s*$/m.exec(text) ?? []
  // Whatever they say, a process that does not end, or ends badly, has failed.
  if (error || status !== 0) {
    throw new Error(`${counts ?? 'no result'}, ${error?.message ?? `ended with ${signal ?? `status ${status}`}`}`)
  }
  return counts
}

const report = []
let failed = false
let tests
for (const platform of PLATFORMS.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const why = missing(platform)
  if (why) {
    report.push(`${platform.name.padEnd(16)} skipped: ${why}`)
    if (names.length > 0) failed = true
    continue
  }
  console.log(`${platform.name}:`)
  try {
    tests ??= prepare()
    const before = performance.now()
    const counts = run(platform, tests)
    report.push(`${platform.name.padEnd(16)} ${counts}, ${((performance.now() - before) / 1000).toFixed(0)} s`)
  } catch (error) {
    failed = true
    report.push(`${platform.name.padEnd(16)} FAILED: ${error.message}`)
  }
}
console.log(report.join('\n'))
process.exit(failed ? 1 : 0)
