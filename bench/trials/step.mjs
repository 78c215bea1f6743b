// One trial: times steps of one head and prints one JSON line. Arguments: a JSON object
// { head: exact | dense, numClasses, hiddenSize, examples, share, warmup, steps, threads, init }.

import { DenseHead, ExactHead, isa, setThreads, squaredError } from '../../dist/index.js'
import { stepStream } from '../data.mjs'
import { summarise, timeSteps } from '../timing.mjs'

const trial = JSON.parse(process.argv[2])
setThreads(trial.threads)
const Head = { exact: ExactHead, dense: DenseHead }[trial.head]
const head = new Head({
  numClasses: trial.numClasses,
  hiddenSize: trial.hiddenSize,
  loss: squaredError(),
  ...(trial.init ? { init: trial.init } : {}),
})
const { learningRate, hidden, targets } = stepStream({ ...trial, steps: trial.warmup + trial.steps })
const options = { learningRate }
const times = timeSteps(
  trial,
  (step) => [hidden(step), targets(step)],
  ([h, t]) => head.step(h, t, options),
)
const maxRssMiB = process.resourceUsage().maxRSS / 1024
process.stdout.write(`${JSON.stringify({ ...trial, ...summarise(times), isa: isa(), maxRssMiB })}\n`)
