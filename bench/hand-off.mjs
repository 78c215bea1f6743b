// How long a cache line takes from one core to another and back. A virtual machine's cores may lie on one cache or on two, and be moved
// from one to the other while a bench runs: steps of few examples on two threads take up to 1.7 times as long in the second case.

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

const TURN = 0
const START = 32 // on a cache line of its own
const [ROUNDS, TURNS] = [20, 500]
const LIMIT = 1000 // milliseconds, for a worker that starts, or waits for the core that another program has

const partner = `
const { workerData: shared } = require('node:worker_threads')
for (let started = 0; ; started++) {
  Atomics.wait(shared, ${START}, started)
  for (let turn = 1; turn > 0; turn += 2) {
    let seen
    do seen = Atomics.load(shared, ${TURN})
    while (seen !== turn && seen >= 0)
    if (seen < 0) break
    Atomics.compareExchange(shared, ${TURN}, turn, turn + 1) // unless it has been told to stop
  }
  Atomics.store(shared, ${TURN}, 0)
}`

let shared

function start() {
  if (!shared) {
    shared = new Int32Array(new SharedArrayBuffer(256))
    new Worker(partner, { eval: true, workerData: shared }).unref()
  }
  Atomics.add(shared, START, 1)
  Atomics.notify(shared, START)
}

/** Nanoseconds there and back, the least of some rounds; null on one core, and where the other has no time for it. */
export function handOff() {
  if (availableParallelism() < 2) return null
  start()
  const limit = performance.now() + LIMIT
  let best = null
  let turn = 0
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now()
    for (const end = turn + 2 * TURNS; turn < end; ) {
      Atomics.store(shared, TURN, turn + 1)
      turn += 2
      while (Atomics.load(shared, TURN) !== turn) {
        if (performance.now() > limit) return stop(best)
      }
    }
    const ns = ((performance.now() - began) * 1e6) / TURNS
    best = Math.min(best ?? ns, ns)
  }
  return stop(best)
}

function stop(best) {
  Atomics.store(shared, TURN, -1)
  while (Atomics.load(shared, TURN) !== 0);
  return best
}
