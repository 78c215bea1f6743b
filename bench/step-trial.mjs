// One trial in a process of its own: times steps of one head and prints one JSON line.
// Arguments: a JSON object { head, numClasses, hiddenSize, examples, share, steps, threads }.

import { DenseHead, ExactHead, isa, setThreads, squaredError } from '../dist/index.js'
import { largestEigenvalue, randomSource } from './data.mjs'

const trial = JSON.parse(process.argv[2])
const { numClasses, hiddenSize: d, examples: m, share, steps, threads } = trial
setThreads(threads)
const random = randomSource(1)
const Head = trial.head === 'exact' ? ExactHead : DenseHead
const head = new Head({ numClasses, hiddenSize: d, loss: squaredError() })

// relu features with a strong mean: what a trained hidden layer looks like, and the hard case for the factored form.
const minibatches = Array.from({ length: 16 }, () =>
  Float32Array.from({ length: m * d }, () => Math.max(0, random.normal() + 0.5)),
)
// share: the part of the strongest direction of W that one step removes.
const learningRate = share / (2 * largestEigenvalue(minibatches[0], m, d))
const times = []
for (let step = 0; step < steps; step++) {
  const targets = Int32Array.from({ length: m }, () => random.zipf(numClasses))
  const begin = performance.now()
  head.step(minibatches[step % minibatches.length], targets, { learningRate })
  times.push(performance.now() - begin)
}
// The first steps fault pages in and fill scratch buffers.
const counted = times.slice(Math.min(20, Math.floor(steps / 4))).sort((a, b) => a - b)
const quantile = (p) => counted[Math.min(counted.length - 1, Math.floor(p * counted.length))]
const result = { ms: quantile(0.5), low: quantile(0.1), high: quantile(0.9), max: quantile(1), steps: counted.length }
process.stdout.write(
  `${JSON.stringify({ ...trial, ...result, isa: isa(), maxRssMiB: process.resourceUsage().maxRSS / 1024 })}\n`,
)
