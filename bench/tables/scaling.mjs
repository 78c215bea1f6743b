// How the exact step's time depends on D, d, m and the number of threads. Zipf targets.

import { isa, supportedIsas } from '../../dist/index.js'
import { interleave } from '../interleave.mjs'
import { digits, markdownTable } from '../markdown.mjs'
import { findBaseline, runNative } from '../native.mjs'
import { logPlot } from '../plot.mjs'
import { runScript } from '../process.mjs'
import { writeResult } from '../results.mjs'
import { cores, quick } from '../settings.mjs'

const base = { head: 'exact', numClasses: 1e6, hiddenSize: 300, examples: 128, share: 0.1, threads: 1 }
const axes = {
  numClasses: [1e4, 1e5, 1e6, 1e7],
  hiddenSize: quick ? [64, 256] : [64, 128, 256, 300, 512, 1024],
  examples: quick ? [1, 32] : [1, 8, 32, 128, 512],
  threads: Array.from({ length: cores }, (_, i) => i + 1).filter((n) => (n & (n - 1)) === 0 || n === cores),
}
const NAMES = { numClasses: 'D', hiddenSize: 'd', examples: 'm', threads: 'threads' }

function trialOf(settings) {
  const { hiddenSize: d, examples: m } = settings
  const guess = 2e-5 + (14 * d * d * m + 10 * d * m * m) / 60e9 // seconds a step
  const steps = Math.round(Math.min(4000, Math.max(20, (quick ? 0.2 : 1.2) / guess)))
  return () => runScript('step', { ...settings, warmup: Math.ceil(steps / 5), steps })
}

function measureAxis([axis, values]) {
  const results = interleave(values.map((value) => trialOf({ ...base, [axis]: value })))
  const least = Math.min(...results.map((result) => result.ms))
  console.log(`\nThe exact step over ${NAMES[axis]} (else D = 1e6, d = 300, m = 128, 1 thread)\n`)
  console.log(
    markdownTable(
      results.map((result) => ({
        [NAMES[axis]]: result[axis].toLocaleString('en-US'),
        ms: digits(result.ms),
        quartiles: `${digits(result.low)}, ${digits(result.high)}`,
        'of the smallest': digits(result.ms / least),
      })),
    ),
  )
  return [axis, results]
}

/** The dense step over D, to set the exact one against. */
function measureDense() {
  const { env } = findBaseline(isa(), isa() !== supportedIsas()[0])
  const { hiddenSize, examples } = base
  return (quick ? [1e4, 1e5] : [1e4, 1e5, 1e6]).map((numClasses) => {
    const trial = { ...base, numClasses, head: 'dense', warmup: 1, steps: 5 }
    const openblas = () => {
      const [line] = runNative('dense', { classes: numClasses, d: hiddenSize, m: examples, samples: 5 }, env) ?? [{}]
      return line.openblas ? { ms: line.openblas.median * 1000 } : null
    }
    const [ours, blas] = interleave([() => runScript('step', trial), openblas])
    return { numClasses, ours: ours.ms, openblas: blas?.ms }
  })
}

export function scaling() {
  const results = Object.fromEntries(Object.entries(axes).map(measureAxis))
  const dense = measureDense()
  const curves = [{ name: 'exact', points: results.numClasses.map(({ numClasses, ms }) => [numClasses, ms]) }]
  for (const [side, name] of [
    ['ours', 'dense, ours'],
    ['openblas', 'dense, OpenBLAS'],
  ]) {
    const points = dense.filter((row) => row[side]).map((row) => [row.numClasses, row[side]])
    if (points.length > 0) curves.push({ name, points })
  }
  const title = `One step, d = 300, m = 128, 1 thread, ${isa()}`
  const plot = logPlot({ title, xLabel: 'classes D', yLabel: 'milliseconds', curves })
  console.log(`\nplot: ${writeResult('scaling.svg', plot)}`)
  return { ...results, dense }
}
