// Terminates workers with large heads in the middle of their steps, and prints how much memory stays with the process.

import { setTimeout } from 'node:timers/promises'
import { startWorker, workerMessage } from './worker-start.js'

const MIB = 2 ** 20
const [WARM, ROUNDS] = [3, 16]
const size = { numClasses: 400_000, hiddenSize: 32 } // 49 MiB a head

async function round(seed: number): Promise<void> {
  const worker = startWorker({ endless: true, seed, size })
  await workerMessage(worker)
  await worker.terminate()
}

for (let seed = 0; seed < WARM; seed++) await round(seed)
const before = process.memoryUsage.rss()
for (let seed = 0; seed < ROUNDS; seed++) await round(seed)
// The last worker's step ends a little after its thread.
let growth = Number.POSITIVE_INFINITY
for (let look = 0; look < 50; look++) {
  growth = Math.min(growth, (process.memoryUsage.rss() - before) / MIB)
  await setTimeout(20)
}
process.stdout.write(JSON.stringify({ growth }))
