// The whole exact step: its useful work against the best rate that any product reaches on this machine.

import { isa, supportedIsas } from '../../dist/index.js'
import { interleave } from '../interleave.mjs'
import { digits, markdownTable, percent } from '../markdown.mjs'
import { describeBaseline, findBaseline, runNative } from '../native.mjs'
import { runScript } from '../process.mjs'
import { quick, threadCounts } from '../settings.mjs'
import { median } from '../statistics.mjs'

const sizes = quick ? [128, 300] : [128, 300, 1024]
const examples = quick ? [1, 8, 128] : [1, 8, 128, 512]
const numClasses = quick ? 20_000 : 100_000

/** Multiply-adds of the step for m <= d, twice; the other shape of the step has another formula. */
function usefulFlops(d, m) {
  return m <= d ? 2 * (7 * d * d * m + 5 * d * m * m + m ** 3) : undefined
}

/** Steps that take about the same time for every shape. */
function stepsFor(d, m) {
  const guess = 2e-5 + (14 * d * d * m + 10 * d * m * m) / 60e9
  return Math.round(Math.min(5000, Math.max(15, (quick ? 0.15 : 1) / guess)))
}

const baseline = () => findBaseline(isa(), isa() !== supportedIsas()[0])

/** GFLOP/s of sgemm 2048^3 now: ours, OpenBLAS's, and the better of them. */
function sgemmRate(threads) {
  const [line] = runNative('sgemm', { threads, samples: 3 }, baseline().env) ?? [{}]
  const rate = (side) => (line[side] ? (line.flops / line[side].median) * 1e-9 : Number.NaN)
  return {
    ours: rate('ours'),
    openblas: rate('openblas'),
    best: Math.max(...[rate('ours'), rate('openblas')].filter(Number.isFinite)),
  }
}

/** The yardstick and the step one after the other, several times, because a core's speed is not the same all along. */
function measureShape(hiddenSize, m) {
  const steps = stepsFor(hiddenSize, m)
  const init = { kind: 'uniform', scale: 0.05 }
  const trial = { head: 'exact', numClasses, hiddenSize, examples: m, share: 0.1, init }
  const flops = usefulFlops(hiddenSize, m)
  const shares = threadCounts.map(() => [])
  const trials = interleave(
    threadCounts.map((threads, i) => () => {
      const sgemm = sgemmRate(threads)
      const result = runScript('step', { ...trial, threads, warmup: Math.ceil(steps / 10) + 5, steps })
      shares[i].push(((flops / result.ms) * 1e-6) / sgemm.best)
      return { ...result, sgemm }
    }),
  )
  return trials.map((result, i) => ({ ...result, share: median(shares[i]), shares: shares[i] }))
}

function fixedCost() {
  const [result] = interleave([() => runScript('fixed-cost', { steps: quick ? 20_000 : 200_000 })])
  console.log(
    `\nFixed cost of a step from JavaScript (D = 1000, d = 8, m = 1): ${digits(result.ms * 1000)} microseconds`,
  )
  return result
}

function columnsOf({ threads, ms, low, high, share }) {
  const name = threads === 1 ? '1 thread' : `${threads} threads`
  return {
    [`${name}, ms`]: digits(ms),
    [`${name}, quartiles`]: `${digits(low)}, ${digits(high)}`,
    [`${name}, of sgemm`]: percent(share),
  }
}

function rowOf({ d, m, trials, caches }) {
  const one = trials[0]
  return Object.assign(
    { d, m, 'microseconds an example': digits((1000 * one.ms) / m) },
    ...trials.map(columnsOf),
    trials.length > 1 ? { 'speed-up': digits(one.ms / trials.at(-1).ms) } : {},
    { 'of the cache bound': caches ? percent(caches.bound / one.ms) : '' },
  )
}

/**
 * For one example a step is bound by the caches: it reads four d x d matrices, and reads and writes the three it changes,
 * in two words each. Milliseconds at the rate at which axpy runs over as many bytes.
 */
function cacheBound(d) {
  const [line] = runNative('stream', { d }) ?? []
  return line && { gigabytes: line.gigabytes, bound: (64 * d * d) / line.gigabytes / 1e6 }
}

export function step() {
  const shapes = sizes.flatMap((d) => examples.map((m) => ({ d, m })))
  const rows = shapes.map(({ d, m }) => ({
    d,
    m,
    trials: measureShape(d, m),
    caches: m === 1 ? cacheBound(d) : undefined,
  }))
  console.log(`\nThe exact step, D = ${numClasses}, ${isa()}, beside sgemm 2048^3 in the same run: GFLOP/s, medians`)
  for (const [i, threads] of threadCounts.entries()) {
    const rate = (side) => digits(median(rows.map(({ trials }) => trials[i].sgemm[side]))) || '-'
    console.log(
      `threads ${threads}: ours ${rate('ours')}, OpenBLAS ${rate('openblas')} (${describeBaseline(baseline())})`,
    )
  }
  console.log(`\n${markdownTable(rows.map(rowOf))}`)
  return { numClasses, baseline: baseline(), rows, fixedCost: fixedCost() }
}
