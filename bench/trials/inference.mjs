// One trial: times the exact topK. Arguments: { head: softmax | exact, numClasses, hiddenSize, examples, threads, steps, k }.

import { ExactHead, SoftmaxHead, setThreads, squaredError } from '../../dist/index.js'
import { randomSource } from '../data.mjs'
import { summarise, timeSteps } from '../timing.mjs'

const trial = JSON.parse(process.argv[2])
const { numClasses, hiddenSize, examples, k } = trial
setThreads(trial.threads)
const options = { numClasses, hiddenSize, init: { kind: 'uniform', scale: 0.05 } }
const head = trial.head === 'exact' ? new ExactHead({ ...options, loss: squaredError() }) : new SoftmaxHead(options)
const random = randomSource(1)
const hidden = Float32Array.from({ length: examples * hiddenSize }, () => random.normal())
const times = timeSteps(
  { ...trial, warmup: 1 },
  () => hidden,
  (queries) => head.topK(queries, k),
)
process.stdout.write(`${JSON.stringify({ ...trial, ...summarise(times) })}\n`)
