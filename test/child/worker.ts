// A worker thread: trains a head and posts its last loss, or steps asynchronously until it is terminated.

import { parentPort, workerData } from 'node:worker_threads'
import { customLoss, ExactHead, squaredError } from '../../lib/index.js'
import { squaredErrorByHand } from '../judge/custom-losses.js'
import { Stream } from '../judge/stream.js'
import type { WorkerTask } from './worker-start.js'

const { endless, seed, size = { numClasses: 2000, hiddenSize: 64 } } = workerData as WorkerTask
const loss = seed % 2 === 0 ? squaredError() : customLoss(squaredErrorByHand)
const head = new ExactHead({ ...size, loss, seed, init: { kind: 'normal', scale: 0.1 } })
const stream = new Stream({ ...size, batchSize: 32, seed })
const examples = Array.from({ length: 5 }, () => stream.next())

if (endless) {
  const steps = () => {
    return examples.map(({ hidden, targets }) => head.stepAsync(hidden, targets, { learningRate: 1e-4 }))
  }
  await steps()[0]
  parentPort?.postMessage('running')
  for (;;) await Promise.all(steps())
} else {
  let last = 0
  for (let round = 0; round < 5; round++) {
    for (const { hidden, targets } of examples) {
      last = round % 2 === 0 ? head.step(hidden, targets, { learningRate: 1e-3 }).loss : last
      last = (await head.stepAsync(hidden, targets, { learningRate: 1e-3 })).loss
    }
  }
  parentPort?.postMessage(last)
}
