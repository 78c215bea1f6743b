// One trial: times steps of one head of the command line and prints one JSON line. Arguments: a JSON object { head, numClasses,
// hiddenSize, examples, labels: targets an example, options: the head's own, optimizer: 'adagrad' if it has one and is not told, warmup, steps,
// threads }.
//
// Zipf targets; a hidden vector is that of its first target, with noise, so that the rows of W become what they are in training. They
// start at random, because in tables of hashes rows that are all alike are a case of its own.

import { headKind } from '../../dist/cli/heads.js'
import { setThreads, squaredError } from '../../dist/index.js'
import { randomSource } from '../data.mjs'
import { summarise, timeSteps } from '../timing.mjs'

const trial = JSON.parse(process.argv[2])
const { numClasses, hiddenSize: d, examples: m, labels } = trial
setThreads(trial.threads)
const { loss, create } = headKind(trial.head)
const head = await create({
  common: { numClasses, hiddenSize: d, init: { kind: 'uniform', scale: 0.1 } },
  ...(loss ? { optimizer: trial.optimizer ?? 'adagrad' } : { loss: squaredError() }),
  options: trial.options ?? {},
  counts: Float64Array.from({ length: numClasses }, (_, i) => numClasses / (i + 1)),
})

const random = randomSource(1)
const noise = Float32Array.from({ length: 2 ** 16 + d }, () => random.normal() / Math.sqrt(d))

/** A vector of a class, the same each time: a piece of the noise. */
function vectorOf(id) {
  const start = Math.imul(id, 0x9e3779b1) >>> 16
  return noise.subarray(start, start + d)
}

function minibatch() {
  const indices = Int32Array.from({ length: m * labels }, () => random.zipf(numClasses))
  const hidden = new Float32Array(m * d)
  for (let j = 0; j < m; j++) {
    const vector = vectorOf(indices[j * labels])
    const start = Math.floor(random.uniform() * 2 ** 16)
    for (let k = 0; k < d; k++) hidden[j * d + k] = vector[k] + noise[start + k]
  }
  return { hidden, targets: { indptr: Int32Array.from({ length: m + 1 }, (_, j) => j * labels), indices } }
}

const learningRate = loss ? 0.1 : 0.01
const times = timeSteps(trial, minibatch, ({ hidden, targets }) => head.step(hidden, targets, { learningRate }))
const result = { ...trial, ...summarise(times), peakMiB: process.resourceUsage().maxRSS / 1024 }
process.stdout.write(`${JSON.stringify(result)}\n`)
