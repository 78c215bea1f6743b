// One rank of a trial: steps of a head that all ranks hold together. Arguments: a JSON object
// { head, numClasses, hiddenSize, examples (of all ranks), share, warmup, steps }. Rank 0 prints a JSON line: times are of the wall clock,
// from the start of a step to its end on that rank; bytes and exchanges a step are those it sent and took part in.

import {
  ExactHead,
  isa,
  LshSampledSoftmaxHead,
  mpi,
  SampledSoftmaxHead,
  SoftmaxHead,
  setThreads,
  squaredError,
  WtaSoftmaxHead,
} from '../../dist/index.js'
import { stepStream } from '../data.mjs'
import { summarise } from '../timing.mjs'

const trial = JSON.parse(process.argv[2])
const communicator = mpi()
const { rank, size } = communicator
setThreads(1)
const { numClasses, hiddenSize: d, examples: m, warmup, steps } = trial
const stream = stepStream({ ...trial, steps: warmup + steps })
const common = { numClasses, hiddenSize: d, distributed: communicator }
// Of the others with rows at random: rows of zeros all lie in the same buckets.
const rows = { ...common, init: { kind: 'normal', scale: 0.1 } }
const HEADS = {
  exact: [() => new ExactHead({ ...common, loss: squaredError() }), stream.learningRate],
  softmax: [() => new SoftmaxHead(rows), 0.1],
  sampled: [() => new SampledSoftmaxHead(rows), 0.1],
  wta: [() => new WtaSoftmaxHead(rows), 0.1],
  lsh: [() => new LshSampledSoftmaxHead(rows), 0.1],
}
const [create, learningRate] = HEADS[trial.head]
const head = create()
const options = { learningRate }
const [from, to] = [rank, rank + 1].map((r) => Math.floor((m * r) / size))
const times = new Float64Array(steps)
let before = communicator.traffic()
for (let step = 0; step < warmup + steps; step++) {
  const hidden = stream.hidden(step).subarray(from * d, to * d)
  const targets = stream.targets(step).subarray(from, to)
  if (step === warmup) before = communicator.traffic()
  const start = performance.now()
  await head.stepAsync(hidden, targets, options)
  if (step >= warmup) times[step - warmup] = performance.now() - start
}
const after = communicator.traffic()
if (rank === 0) {
  const traffic = {
    bytes: (after.bytesSent - before.bytesSent) / steps,
    exchanges: (after.exchanges - before.exchanges) / steps,
  }
  process.stdout.write(`${JSON.stringify({ ...trial, ranks: size, ...summarise(times), ...traffic, isa: isa() })}\n`)
}
