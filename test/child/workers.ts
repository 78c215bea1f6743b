// Many worker threads with heads of their own; then workers that are terminated in the middle of asynchronous steps.

import { ExactHead, squaredError } from '../../lib/index.js'
import { startWorker, workerMessage } from './worker-start.js'

const together = await Promise.all(
  [2, 3, 2, 3].map((seed) => workerMessage<number>(startWorker({ endless: false, seed }))),
)
const alone: number[] = []
for (const seed of [2, 3]) alone.push(await workerMessage<number>(startWorker({ endless: false, seed })))

// A head of the main thread is at work all the while.
const head = new ExactHead({ numClasses: 1000, hiddenSize: 32, loss: squaredError(), init: { kind: 'zeros' } })
const hidden = new Float32Array(32 * 32).fill(0.1)
const codes: number[] = []
for (let round = 0; round < 12; round++) {
  const workers = [2 * round, 2 * round + 1].map((seed) => startWorker({ endless: true, seed }))
  await Promise.all(workers.map((worker) => workerMessage(worker)))
  const step = head.stepAsync(hidden, new Int32Array(32), { learningRate: 0.01 })
  codes.push(...(await Promise.all(workers.map((worker) => worker.terminate()))))
  await step
}
const { loss } = head.step(hidden, new Int32Array(32), { learningRate: 0.01 })
process.stdout.write(JSON.stringify({ together, alone, terminated: codes.length, loss }))
