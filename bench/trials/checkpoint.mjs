// One trial: steps of an exact head, with and without a checkpoint being written, and what a checkpoint takes. Arguments: a JSON
// object { numClasses, hiddenSize, examples, share, saves }.

import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ExactHead, squaredError } from '../../dist/index.js'
import { stepStream } from '../data.mjs'
import { median, quantile } from '../statistics.mjs'

const trial = JSON.parse(process.argv[2])
const { numClasses, hiddenSize, saves } = trial
const head = new ExactHead({ numClasses, hiddenSize, loss: squaredError(), init: { kind: 'uniform', scale: 0.05 } })
const steps = 400
const { learningRate, hidden, targets } = stepStream({ ...trial, steps })
let next = 0

async function timeStep() {
  const at = next++ % steps
  const started = performance.now()
  await head.stepAsync(hidden(at), targets(at), { learningRate })
  return performance.now() - started
}

const folder = mkdtempSync(join(tmpdir(), 'widehead-checkpoint-'))
const [quiet, during, begins, whole] = [[], [], [], []]
for (let i = 0; i < 100; i++) await timeStep()
for (let save = 0; save < saves; save++) {
  for (let i = 0; i < 200; i++) quiet.push(await timeStep())
  let done = false
  const started = performance.now()
  const saving = head.save(folder, { keep: 1 }).finally(() => {
    done = true
  })
  begins.push(performance.now() - started)
  while (!done) during.push(await timeStep())
  await saving
  whole.push(performance.now() - started)
}
const { path } = await head.save(folder, { keep: 1 })
const bytes = ['head.safetensors', 'head.rows.safetensors'].reduce(
  (sum, name) => sum + statSync(join(path, name)).size,
  0,
)
const loading = performance.now()
await ExactHead.load(folder)
const result = {
  ...trial,
  MiB: bytes / 2 ** 20,
  beginMs: median(begins),
  wholeMs: median(whole),
  loadMs: performance.now() - loading,
  stepMs: median(quiet),
  p99Ms: quantile(quiet, 0.99),
  duringMs: median(during),
  duringP99Ms: quantile(during, 0.99),
  duringMax: quantile(during, 1),
  stepsDuring: during.length / saves,
}
rmSync(folder, { recursive: true })
process.stdout.write(`${JSON.stringify(result)}\n`)
