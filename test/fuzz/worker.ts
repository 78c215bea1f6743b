// Fuzzes one target in a thread of its own, which the main thread may end. The input at work lies in shared memory.

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { readCorpus } from './corpus.js'
import { search } from './search.js'
import { TARGETS } from './targets/index.js'

export interface WorkerTask {
  target: string
  seconds: number
  seed: number
  /** Executions so far and the length of the input, then its bytes. */
  shared: SharedArrayBuffer
}

export type WorkerReport =
  | { kind: 'done'; executions: number; features: number; corpus: Uint8Array[] }
  | { kind: 'violation'; message: string }

const { target: name, seconds, seed, shared } = workerData as WorkerTask
const state = new Int32Array(shared, 0, 2)
const bytes = new Uint8Array(shared, 8)
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'widehead-fuzz-'))

function before(input: Buffer): void {
  bytes.set(input)
  Atomics.store(state, 1, input.length)
  Atomics.add(state, 0, 1)
}

try {
  const target = TARGETS.find((one) => one.name === name)
  if (!target) throw new Error(`no target ${name}`)
  const result = await search(target, { seconds, seed, corpus: readCorpus(name), folder, before })
  parentPort?.postMessage({ kind: 'done', ...result } satisfies WorkerReport)
} catch (error) {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  parentPort?.postMessage({ kind: 'violation', message } satisfies WorkerReport)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
