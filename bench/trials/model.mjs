// One trial: times training steps of a whole network (bags of words, two dense layers, a head). Arguments: a JSON object
// { head: exact | dense, numClasses, hiddenSize, examples, warmup, steps, threads }.

import { DenseHead, ExactHead, setThreads, squaredError, Trunk } from '../../dist/index.js'
import { randomSource } from '../data.mjs'
import { summarise, timeSteps } from '../timing.mjs'

const WORDS = 10 // an example's
const VOCABULARY = 100_000

const trial = JSON.parse(process.argv[2])
const { numClasses, hiddenSize: d, examples: m, warmup, steps } = trial
setThreads(trial.threads)
const trunk = new Trunk({
  vocabularySize: VOCABULARY,
  embeddingSize: d,
  combine: 'mean',
  layers: [
    { size: d, activation: 'tanh' },
    { size: d, activation: 'tanh' },
  ],
})
const Head = { exact: ExactHead, dense: DenseHead }[trial.head]
const init = { kind: 'uniform', scale: 0.05 }
const head = new Head({ numClasses, hiddenSize: d, loss: squaredError(), init })

const random = randomSource(1)
const ids = (count, limit) => Int32Array.from({ length: count }, () => random.zipf(limit))
const words = ids((warmup + steps) * m * WORDS, VOCABULARY)
const targets = ids((warmup + steps) * m, numClasses)
const indptr = Int32Array.from({ length: m + 1 }, (_, i) => i * WORDS)

const times = timeSteps(
  trial,
  (step) => ({
    bags: { indptr, indices: words.subarray(step * m * WORDS, (step + 1) * m * WORDS) },
    labels: targets.subarray(step * m, (step + 1) * m),
  }),
  ({ bags, labels }) => {
    const hidden = trunk.forward(bags)
    const { dHidden } = head.step(hidden, labels, { learningRate: 0.01 })
    trunk.backward(dHidden, { learningRate: 0.001 })
  },
)
process.stdout.write(`${JSON.stringify({ ...trial, ...summarise(times) })}\n`)
