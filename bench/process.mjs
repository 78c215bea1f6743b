// Trials: each is a fresh process that prints JSON lines.

import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { handOff } from './hand-off.mjs'
import { quantile } from './statistics.mjs'

const busy = []
const handOffs = []

function idleAndTotal() {
  const times = cpus().map((cpu) => cpu.times)
  const idle = times.reduce((sum, t) => sum + t.idle, 0)
  return { idle, total: times.reduce((sum, t) => sum + t.user + t.nice + t.sys + t.irq + t.idle, 0) }
}

/** What share of the cores somebody else uses, while we wait; and how far they are from each other. */
function noteMachine() {
  const before = idleAndTotal()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  const after = idleAndTotal()
  const total = after.total - before.total
  if (total > 0) busy.push(1 - (after.idle - before.idle) / total)
  const ns = handOff()
  if (ns !== null) handOffs.push(ns)
}

/** How busy other work has kept the cores, looked at before each trial: 0 is a quiet machine. */
export function othersBusy() {
  return { trials: busy.length, median: quantile(busy, 0.5) ?? 0, most: quantile(busy, 1) ?? 0 }
}

/** Nanoseconds of a cache line from one core to another and back, looked at before each trial; null on one core. */
export function handOffNs() {
  if (handOffs.length === 0) return null
  return { least: quantile(handOffs, 0), median: quantile(handOffs, 0.5), most: quantile(handOffs, 1) }
}

export function runTrial(file, args, env = {}) {
  noteMachine()
  const output = execFileSync(file, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.stderr.write('.')
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** A script of bench/trials in a fresh Node; it can collect its garbage between timings. */
export function runScript(name, settings, env) {
  const script = fileURLToPath(new URL(`trials/${name}.mjs`, import.meta.url))
  return runTrial(process.execPath, ['--expose-gc', script, JSON.stringify(settings)], env)[0]
}
