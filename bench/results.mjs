// Where results go: a file a table, replaced by the next run.

import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { isa, version } from '../dist/index.js'
import { handOffNs, othersBusy } from './process.mjs'
import { cores, quick, rounds } from './settings.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

function commit() {
  const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim()
  try {
    return (
      git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno', 'native', 'lib') ? '+changes' : '')
    )
  } catch {
    return 'unknown' // an unpacked archive has no repository
  }
}

// A quick run is for a look; bench/results/.gitignore keeps it out of the repository.
const folder = fileURLToPath(new URL(quick ? 'results/quick/' : 'results/', import.meta.url))

export function writeResult(name, contents) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(folder + name, contents)
  return folder + name
}

export function writeTable(name, result) {
  const cpu = cpus()[0].model
  const memoryGiB = Math.round(totalmem() / 2 ** 30)
  const about = {
    date: new Date().toISOString(),
    commit: commit(),
    version,
    node: process.version,
    cpu,
    cores,
    memoryGiB,
  }
  const run = { isa: isa(), rounds, quick, othersBusy: othersBusy(), handOffNs: handOffNs() }
  return writeResult(`${name}.json`, `${JSON.stringify({ table: name, ...about, ...run, result }, null, 1)}\n`)
}
