// The whole exact step: its useful work against the best rate that any product reaches on this machine.

import { isa, supportedIsas } from '../../dist/index.js'
import { interleave } from '../interleave.mjs'
import { digits, markdownTable, percent } from '../markdown.mjs'
import { describeBaseline, findBaseline, runNative } from '../native.mjs'
import { runScript } from '../process.mjs'
import { quick, threadCounts } from '../settings.mjs'
import { median } from '../statistics.mjs'

const sizes = quick ? [128, 300] : [100, 128, 256, 300, 512, 1024]
const examples = quick ? [1, 8, 128] : [1, 8, 32, 128, 512]
const numClasses = 100_000

/** Multiply-adds of the step for m <= d, twice; the other shape of the step has another formula. */
function usefulFlops(d, m) {
  return m <= d ? 2 * (7 * d * d * m + 5 * d * m * m + m ** 3) : undefined
}

/** Steps that take about the same time for every shape. */
function stepsFor(d, m) {
  const guess = 2e-5 + (14 * d * d * m + 10 * d * m * m) / 60e9
  return Math.round(Math.min(5000, Math.max(15, (quick ? 0.15 : 1) / guess)))
}

function sgemmRates(threads) {
  const baseline = findBaseline(isa(), isa() !== supportedIsas()[0])
  const [line] = runNative('sgemm', { threads, samples: quick ? 3 : 5 }, baseline.env) ?? [null]
  if (line === null) return null
  const rate = (side) => (line[side] ? (line.flops / line[side].median) * 1e-9 : 0)
  return { ours: rate('ours'), openblas: rate('openblas'), baseline: describeBaseline(baseline) }
}

function measureShape(hiddenSize, m) {
  const steps = stepsFor(hiddenSize, m)
  const trial = {
    head: 'exact',
    numClasses,
    hiddenSize,
    examples: m,
    share: 0.1,
    warmup: Math.ceil(steps / 10) + 5,
    steps,
  }
  const init = { kind: 'normal', scale: 0.05 }
  return interleave(threadCounts.map((threads) => () => runScript('step', { ...trial, threads, init })))
}

function fixedCost() {
  const [result] = interleave([() => runScript('fixed-cost', { steps: quick ? 20_000 : 200_000 })])
  console.log(
    `\nFixed cost of a step from JavaScript (D = 1000, d = 8, m = 1): ${digits(result.ms * 1000)} microseconds`,
  )
  return result
}

export function step() {
  const shapes = sizes.flatMap((d) => examples.map((m) => ({ d, m })))
  const rates = threadCounts.map(() => [])
  const rows = shapes.map(({ d, m }) => {
    // The yardstick is measured all along, as the machine's clock drifts.
    if (m === 128) for (const [i, threads] of threadCounts.entries()) rates[i].push(sgemmRates(threads))
    const trials = measureShape(d, m)
    return { d, m, flops: usefulFlops(d, m), trials }
  })
  const best = rates.map((list) => {
    if (list.includes(null)) return { rate: Number.NaN }
    const [ours, openblas] = ['ours', 'openblas'].map((side) => median(list.map((rate) => rate[side])))
    return { ours, openblas, rate: Math.max(ours, openblas), baseline: list[0].baseline }
  })
  console.log(
    `\nThe exact step, D = ${digits(numClasses)}, ${isa()}; sgemm 2048^3 in the same run (${best[0].baseline ?? 'not built'}):`,
  )
  for (const [i, threads] of threadCounts.entries()) {
    console.log(`threads ${threads}: ours ${digits(best[i].ours)} GFLOP/s, OpenBLAS ${digits(best[i].openblas)}`)
  }
  const share = ({ flops }, trial, i) => ((flops / trial.ms) * 1e-6) / best[i].rate
  const columns = (row) =>
    row.trials.map((trial, i) => {
      const name = trial.threads === 1 ? '1 thread' : `${trial.threads} threads`
      return {
        [`${name}, ms`]: digits(trial.ms),
        [`${name}, quartiles`]: `${digits(trial.low)}, ${digits(trial.high)}`,
        [`${name}, of sgemm`]: percent(share(row, trial, i)),
      }
    })
  console.log(
    `\n${markdownTable(
      rows.map((row) =>
        Object.assign(
          { d: row.d, m: row.m, 'microseconds an example': digits((1000 * row.trials[0].ms) / row.m) },
          ...columns(row),
          row.trials.length > 1 ? { 'speed-up': digits(row.trials[0].ms / row.trials.at(-1).ms) } : {},
        ),
      ),
    )}`,
  )
  return { numClasses, sgemm: best, rows, fixedCost: fixedCost() }
}
