// One trial: an exact head whose rows are a file, beside one in memory with fewer classes: what making it, steps and reading rows take.
// Arguments: a JSON object { numClasses, beside: classes in memory, hiddenSize, examples, share, warmup, steps, path, durability, folder,
// read }.

import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { ExactHead, squaredError } from '../../dist/index.js'
import { stepStream } from '../data.mjs'
import { summarise, timeSteps } from '../timing.mjs'

const trial = JSON.parse(process.argv[2])
const { hiddenSize, path, durability, folder } = trial
const seconds = (since) => (performance.now() - since) / 1000
const TURN = 50 // steps of one head before it is the other's turn: both see the same machine

function side(numClasses, storage) {
  const creating = performance.now()
  const head = new ExactHead({ numClasses, hiddenSize, loss: squaredError(), init: { kind: 'zeros' }, storage })
  const createSeconds = seconds(creating)
  return { head, createSeconds, ...stepStream({ ...trial, numClasses, steps: trial.warmup + trial.steps }) }
}

const memory = side(trial.beside, { kind: 'memory' })
const file = side(trial.numClasses, { kind: 'file', path, durability })
const result = { ...trial, createSeconds: file.createSeconds }
for (const { head, hidden, targets, learningRate } of [memory, file]) {
  for (let step = 0; step < trial.warmup; step++) head.step(hidden(step), targets(step), { learningRate })
}
// From here on rows that change are journalled.
const saving = performance.now()
await file.head.save(folder, { keep: 1 })
result.saveSeconds = seconds(saving)
// First with targets that are new, then with the same ones again: no page is touched for the first time then.
Object.assign(result, { fresh: timed(), pagesFirst: pagesFirst(), settled: timed() })
memory.head.close()
await readRows()
result.maxRssMiB = process.resourceUsage().maxRSS / 1024
process.stdout.write(`${JSON.stringify(result)}\n`)

/** The timed steps of both heads, in turns. */
function timed() {
  const both = [memory, file].map((side) => ({ side, times: [], systemSeconds: 0 }))
  for (let from = 0; from < trial.steps; from += TURN) {
    for (const one of both) {
      const { system } = process.cpuUsage()
      one.times.push(...turn(one.side, from, Math.min(TURN, trial.steps - from)))
      one.systemSeconds += (process.cpuUsage().system - system) / 1e6
    }
  }
  const [inMemory, inFile] = both.map(({ times, systemSeconds }) => ({ ...summarise(times), systemSeconds }))
  return { memory: inMemory, file: inFile, ratio: inFile.mean / inMemory.mean, medianRatio: inFile.ms / inMemory.ms }
}

function turn({ head, hidden, targets, learningRate }, from, steps) {
  return timeSteps(
    { warmup: 0, steps, threads: 2 },
    (step) => [hidden(trial.warmup + from + step), targets(trial.warmup + from + step)],
    ([h, t]) => head.step(h, t, { learningRate }),
  )
}

/** Pages of V that a timed step comes to first, since the save before. */
function pagesFirst() {
  const seen = new Set()
  for (let step = 0; step < trial.steps; step++) {
    for (const row of file.targets(trial.warmup + step)) seen.add(Math.floor((row * hiddenSize) / 1024))
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
  await file.head.save(folder, { keep: 1 })
  result.lastSaveSeconds = seconds(saving)
  file.head.close()
  execFileSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' }) // GNU: out of the page cache
  const loading = performance.now()
  const head = await ExactHead.load(folder)
  result.loadSeconds = seconds(loading)
  const examples = 4
  const indptr = Int32Array.from({ length: examples + 1 }, (_, j) => Math.floor((j * rows) / examples))
  for (const name of ['cold', 'warm', 'warm']) {
    const reading = performance.now()
    head.evaluate(file.hidden(0).subarray(0, examples * hiddenSize), { indptr, indices })
    result[name] = rows / seconds(reading)
  }
  result.rows = rows
  head.close()
  result.gigabytes = statSync(path).size / 1e9
}

function allTargets() {
  const steps = trial.warmup + trial.steps
  const all = new Int32Array(steps * trial.examples)
  for (let step = 0; step < steps; step++) all.set(file.targets(step), step * trial.examples)
  return all
}
