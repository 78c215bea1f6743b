// Many worker threads with heads of their own; then workers that are terminated in the middle of asynchronous steps.

import { Worker } from 'node:worker_threads'
import { ExactHead, squaredError } from '../../lib/index.js'

const register = new URL('./typescript.mjs', import.meta.url).href

function start(workerData: { endless: boolean; seed: number }): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), { workerData, execArgv: ['--import', register] })
}

function message<T>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

const together = await Promise.all([2, 3, 2, 3].map((seed) => message<number>(start({ endless: false, seed }))))
const alone: number[] = []
for (const seed of [2, 3]) alone.push(await message<number>(start({ endless: false, seed })))

// A head of the main thread is at work all the while.
const head = new ExactHead({ numClasses: 1000, hiddenSize: 32, loss: squaredError(), init: { kind: 'zeros' } })
const hidden = new Float32Array(32 * 32).fill(0.1)
const codes: number[] = []
for (let round = 0; round < 12; round++) {
  const workers = [2 * round, 2 * round + 1].map((seed) => start({ endless: true, seed }))
  await Promise.all(workers.map((worker) => message(worker)))
  const step = head.stepAsync(hidden, new Int32Array(32), { learningRate: 0.01 })
  codes.push(...(await Promise.all(workers.map((worker) => worker.terminate()))))
  await step
}
const { loss } = head.step(hidden, new Int32Array(32), { learningRate: 0.01 })
process.stdout.write(JSON.stringify({ together, alone, terminated: codes.length, loss }))
