// One trial: an exact head whose rows are a file (or, without `path`, in memory): what making it, steps and reading rows take. Arguments: a
// JSON object { numClasses, hiddenSize, examples, share, warmup, steps, path, durability, folder, read }.

import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { ExactHead, squaredError } from '../../dist/index.js'
import { stepStream } from '../data.mjs'
import { summarise, timeSteps } from '../timing.mjs'

const trial = JSON.parse(process.argv[2])
const { numClasses, hiddenSize, path, durability, folder } = trial
const storage = path ? { kind: 'file', path, durability } : { kind: 'memory' }
const seconds = (since) => (performance.now() - since) / 1000

const creating = performance.now()
let head = new ExactHead({ numClasses, hiddenSize, loss: squaredError(), init: { kind: 'zeros' }, storage })
const result = { ...trial, createSeconds: seconds(creating) }
const steps = trial.warmup + trial.steps
const { learningRate, hidden, targets } = stepStream({ ...trial, steps })
for (let step = 0; step < trial.warmup; step++) head.step(hidden(step), targets(step), { learningRate })
if (path) {
  // From here on rows that change are journalled.
  const saving = performance.now()
  await head.save(folder, { keep: 1 })
  result.saveSeconds = seconds(saving)
}
// First with targets that are new, then with the same ones again: no page is touched for the first time then.
Object.assign(result, timed(), { pagesFirst: pagesFirst(), settled: timed() })
if (path) await readRows()
head.close()
result.maxRssMiB = process.resourceUsage().maxRSS / 1024
process.stdout.write(`${JSON.stringify(result)}\n`)

function timed() {
  const { user, system } = process.cpuUsage()
  const timing = performance.now()
  const times = timeSteps(
    { warmup: 0, steps: trial.steps, threads: 2 },
    (step) => [hidden(trial.warmup + step), targets(trial.warmup + step)],
    ([h, t]) => head.step(h, t, { learningRate }),
  )
  const used = process.cpuUsage({ user, system })
  return { ...summarise(times), timedSeconds: seconds(timing), systemSeconds: used.system / 1e6 }
}

/** Pages of V that a timed step comes to first, since the save before. */
function pagesFirst() {
  const seen = new Set()
  for (let step = 0; step < trial.steps; step++) {
    for (const row of targets(trial.warmup + step)) seen.add(Math.floor((row * hiddenSize) / 1024))
  }
  return seen.size / trial.steps
}

/** Rows a second that an evaluation reads which has few examples and many targets: from the disk, then from memory. */
async function readRows() {
  const wanted = [...new Set(allTargets())]
  const rows = Math.min(trial.read, wanted.length)
  // Those of the tail, in random order: what is frequent would lie on few pages.
  const indices = Int32Array.from(wanted.sort((a, b) => b - a).slice(0, rows))
  for (let i = rows - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    ;[indices[i], indices[j]] = [indices[j], indices[i]]
  }
  const saving = performance.now()
  await head.save(folder, { keep: 1 })
  result.lastSaveSeconds = seconds(saving)
  head.close()
  execFileSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' }) // GNU: out of the page cache
  const loading = performance.now()
  head = await ExactHead.load(folder)
  result.loadSeconds = seconds(loading)
  const examples = 4
  const indptr = Int32Array.from({ length: examples + 1 }, (_, j) => Math.floor((j * rows) / examples))
  for (const name of ['cold', 'warm', 'warm']) {
    const reading = performance.now()
    head.evaluate(hidden(0).subarray(0, examples * hiddenSize), { indptr, indices })
    result[name] = rows / seconds(reading)
  }
  result.rows = rows
  head.close()
  result.gigabytes = statSync(path).size / 1e9
}

function allTargets() {
  const all = new Int32Array(steps * trial.examples)
  for (let step = 0; step < steps; step++) all.set(targets(step), step * trial.examples)
  return all
}
