// Timing inside a trial.

import { quantile } from './statistics.mjs'

/** What is told of a list of times in milliseconds. */
export function summarise(times) {
  return {
    ms: quantile(times, 0.5),
    low: quantile(times, 0.25),
    high: quantile(times, 0.75),
    mean: times.reduce((sum, x) => sum + x, 0) / times.length,
    p90: quantile(times, 0.9),
    p99: quantile(times, 0.99),
    p999: quantile(times, 0.999),
    max: quantile(times, 1),
    steps: times.length,
  }
}

function cpuTime() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/**
 * Starts a clock; the function it returns tells the milliseconds since. With one thread what other programs take from this
 * one does not count: CPU time where that is less than wall time (it is the whole process's, and Node has threads of its own).
 */
export function startClock(threads) {
  const wall = performance.now()
  if (threads > 1) return () => performance.now() - wall
  const cpu = cpuTime()
  return () => Math.min(performance.now() - wall, cpuTime() - cpu)
}

/**
 * Times `steps` calls of act(step), each by itself, after `warmup` that are not counted. Garbage is collected between
 * timings, every `collect` calls; prepare(step) makes the arguments, off the clock.
 */
export function timeSteps({ warmup, steps, threads, collect = 100 }, prepare, act) {
  const times = new Float64Array(steps)
  for (let step = 0; step < warmup + steps; step++) {
    if (step % collect === 0) globalThis.gc?.()
    const made = prepare(step)
    const elapsed = startClock(threads)
    act(made)
    const time = elapsed()
    if (step >= warmup) times[step - warmup] = time
  }
  return times
}
