// Trials: each is a fresh process that prints JSON lines.

import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'

const busy = []

function idleAndTotal() {
  const times = cpus().map((cpu) => cpu.times)
  const idle = times.reduce((sum, t) => sum + t.idle, 0)
  return { idle, total: times.reduce((sum, t) => sum + t.user + t.nice + t.sys + t.irq + t.idle, 0) }
}

/** What share of the cores somebody else uses, while we wait. */
function noteOthers() {
  const before = idleAndTotal()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  const after = idleAndTotal()
  const total = after.total - before.total
  if (total > 0) busy.push(1 - (after.idle - before.idle) / total)
}

/** How busy other work has kept the cores, looked at before each trial: 0 is a quiet machine. */
export function othersBusy() {
  const sorted = [...busy].sort((a, b) => a - b)
  return { trials: sorted.length, median: sorted[Math.floor(sorted.length / 2)] ?? 0, most: sorted.at(-1) ?? 0 }
}

export function runTrial(file, args, env = {}) {
  noteOthers()
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
