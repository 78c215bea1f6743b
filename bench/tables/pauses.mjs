// The longest steps, and what it costs to stay exact: relu features with a strong mean, where each step removes a share of
// the strongest direction of W. At share 0.02 hardly a correction is needed.

import { interleave } from '../interleave.mjs'
import { digits, markdownTable } from '../markdown.mjs'
import { runScript } from '../process.mjs'
import { quick } from '../settings.mjs'

const steps = quick ? 1000 : 20_000
const trial = {
  head: 'exact',
  numClasses: quick ? 1e5 : 1e6,
  hiddenSize: 300,
  examples: 128,
  threads: 1,
  warmup: 100,
  steps,
}
const shares = [0.02, 0.3, 1]

export function pauses() {
  const init = { kind: 'uniform', scale: 0.05 }
  const results = interleave(
    shares.map((share) => () => runScript('step', { ...trial, share, init })),
    quick ? 1 : 2,
  )
  const mean = results[0].mean
  console.log(`\n${steps} steps, D = ${trial.numClasses}, d = 300, m = 128, 1 thread; milliseconds\n`)
  console.log(
    markdownTable(
      results.map((result) => ({
        share: result.share,
        p50: digits(result.ms),
        p99: digits(result.p99),
        'p99.9': digits(result.p999),
        max: digits(result.max),
        'p99.9 / p50': digits(result.p999 / result.ms),
        mean: digits(result.mean),
        'mean / that at 0.02': digits(result.mean / mean),
      })),
    ),
  )
  return results
}
