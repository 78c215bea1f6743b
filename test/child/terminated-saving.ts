// Terminates workers while they save, in the folder of the first argument; then saves there itself. Prints what is left: the
// processes below this one (Linux, others: none), and the step of the checkpoint that is found.

import { readdirSync, readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { ExactHead, readCheckpoint, squaredError } from '../../lib/index.js'
import { workerMessage } from './worker-start.js'

const folder = process.argv[2]
const size = { numClasses: 200_000, hiddenSize: 32 } // 24 MiB: writing takes longer than ending the thread

/** Those that ended and were never waited for are there too. */
function childProcesses(): number {
  if (process.platform !== 'linux') return 0
  const parent = (id: string) => {
    try {
      // "123 (name) S 45 ...", where the name may hold anything
      return Number(readFileSync(`/proc/${id}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[1])
    } catch {
      return 0 // it has ended since
    }
  }
  return readdirSync('/proc').filter((id) => /^\d+$/.test(id) && parent(id) === process.pid).length
}

const head = new ExactHead({ ...size, loss: squaredError(), init: { kind: 'zeros' } })
await head.save(folder)
for (let round = 0; round < 3; round++) {
  const worker = new Worker(new URL('./save-worker.ts', import.meta.url), {
    workerData: { folder, size },
    execArgv: ['--import', new URL('./typescript.mjs', import.meta.url).href],
  })
  await workerMessage(worker)
  await worker.terminate()
}
const children = childProcesses()
const { step: before } = await readCheckpoint(folder)
head.step(new Float32Array(32).fill(1), Int32Array.of(3), { learningRate: 0.01 })
await head.save(folder)
const { step: after } = await readCheckpoint(folder)
process.stdout.write(JSON.stringify({ children, before, after }))
