// Starts ./worker.ts in a worker thread.

import { Worker } from 'node:worker_threads'

export interface WorkerTask {
  /** Steps until it is terminated. */
  endless: boolean
  seed: number
  size?: { numClasses: number; hiddenSize: number }
}

export function startWorker(workerData: WorkerTask): Worker {
  const register = new URL('./typescript.mjs', import.meta.url).href
  return new Worker(new URL('./worker.ts', import.meta.url), { workerData, execArgv: ['--import', register] })
}

/** What the worker posts first. */
export function workerMessage<T>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}
