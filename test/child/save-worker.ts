// A worker thread that saves its head, says so while that is under way, and never ends by itself.

import { parentPort, workerData } from 'node:worker_threads'
import { ExactHead, squaredError } from '../../lib/index.js'

const head = new ExactHead({ ...workerData.size, loss: squaredError(), init: { kind: 'normal', scale: 0.1 } })
const saving = head.save(workerData.folder)
parentPort?.postMessage('saving')
await saving
setInterval(() => {}, 1000)
