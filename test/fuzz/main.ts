// npm run fuzz: searches for inputs that make a parser break its contract, guided by coverage, for a fixed time a target.
//
//   npm run fuzz                                 60 seconds of computing each
//   npm run fuzz -- xmc config --seconds 600     some of them, for longer
//   npm run fuzz -- --seed 7                     another search; without it, the time of day is the seed
//   npm run fuzz -- --keep                       replaces the kept corpus by the smallest that was found
//
// An input that is a violation, takes all memory or never ends is shown as it would stand in test/fuzz/corpus.

import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { literal, writeCorpus } from './corpus.js'
import { TARGETS } from './targets/index.js'
import type { WorkerReport, WorkerTask } from './worker.js'

/** Looks, a second apart, at which an input must not still be the same. A clock would go on while the process is stopped. */
const MOST_LOOKS = 20

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, keep: { type: 'boolean' } },
})
const names = TARGETS.map(({ name }) => name)
const unknown = positionals.filter((name) => !names.includes(name))
const seconds = Number(values.seconds)
const seed = values.seed === undefined ? Date.now() : Number(values.seed)
if (unknown.length || !(seconds > 0) || !Number.isSafeInteger(seed) || seed < 0) {
  console.error(`usage: npm run fuzz -- [${names.join(' | ')}]... [--seconds n] [--seed n] [--keep]`)
  process.exit(2)
}

let violations = 0
for (const name of positionals.length ? positionals : names) {
  const shared = new SharedArrayBuffer(8 + 2 ** 16)
  const report = await fuzz({ target: name, seconds, seed, shared })
  if (report.kind === 'violation') {
    violations++
    console.log(`${name}: ${report.message}\n  seed ${seed}, input: ${shown(current(shared), name)}`)
  } else {
    const { executions, features, corpus } = report
    console.log(`${name}: ${executions} inputs, ${features} features, ${corpus.length} inputs have all branches`)
    if (values.keep) writeCorpus(name, corpus.map(Buffer.from))
  }
}
process.exit(violations ? 1 : 0)

function current(shared: SharedArrayBuffer): string {
  return literal(Buffer.from(new Uint8Array(shared, 8, new Int32Array(shared)[1])))
}

/** Long ones go to a file. */
function shown(input: string, name: string): string {
  if (input.length <= 2000) return input
  const path = join(mkdtempSync(join(tmpdir(), 'widehead-fuzz-')), `${name}.jsonl`)
  writeFileSync(path, `${input}\n`)
  return `in ${path}`
}

async function fuzz(task: WorkerTask): Promise<WorkerReport> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: task,
    execArgv: ['--import', new URL('../child/typescript.mjs', import.meta.url).href],
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
  })
  let watch: NodeJS.Timeout | undefined
  const report = await new Promise<WorkerReport>((resolve) => {
    const violation = (message: string) => resolve({ kind: 'violation', message })
    worker.once('message', resolve)
    worker.once('error', (error) => violation(error.stack ?? error.message))
    worker.once('exit', () => violation('the thread ended'))
    watch = watchProgress(task.shared, () => violation(`did not end within ${MOST_LOOKS} seconds`))
  })
  clearInterval(watch)
  await worker.terminate()
  return report
}

function watchProgress(shared: SharedArrayBuffer, stuck: () => void): NodeJS.Timeout {
  const state = new Int32Array(shared)
  let [last, looks] = [-1, 0]
  return setInterval(() => {
    const now = Atomics.load(state, 0)
    looks = now === last ? looks + 1 : 0
    last = now
    if (looks >= MOST_LOOKS) stuck()
  }, 1000)
}
