// The paper's table: the dense output layer and the factored one at D = 793,471, d = 300, m = 128. There the factored layer on
// a CPU was 763 times the dense layer on the same CPU.

import { isa, supportedIsas } from '../../dist/index.js'
import { interleave } from '../interleave.mjs'
import { digits, markdownTable } from '../markdown.mjs'
import { describeBaseline, findBaseline, runNative } from '../native.mjs'
import { runScript } from '../process.mjs'
import { paper, quick, threadCounts } from '../settings.mjs'

const init = { kind: 'uniform', scale: 0.05 }
const few = quick ? { warmup: 1, steps: 2 } : { warmup: 2, steps: 7 }
const many = quick ? { warmup: 30, steps: 150 } : { warmup: 200, steps: 1000 }

function openBlasStep(threads, baseline) {
  const { numClasses: classes, hiddenSize: d, examples: m } = paper
  const [line] = runNative('dense', { threads, classes, d, m, samples: few.steps }, baseline.env) ?? [{}]
  if (!line.openblas) return null
  const { median, low, high, samples } = line.openblas
  return { ms: median * 1000, low: low * 1000, high: high * 1000, steps: samples, gflops: (line.flops / median) * 1e-9 }
}

function measure(threads, baseline) {
  const layer = (head, steps) => () => runScript('step', { ...paper, ...steps, head, threads, init, share: 0.1 })
  const model = (head, steps) => () => runScript('model', { ...paper, ...steps, head, threads })
  const [openblas, dense, exact, denseModel, exactModel] = interleave([
    () => openBlasStep(threads, baseline),
    layer('dense', few),
    layer('exact', many),
    model('dense', few),
    model('exact', many),
  ])
  return { threads, openblas, dense, exact, denseModel, exactModel }
}

function rowsOf({ threads, openblas, dense, exact, denseModel, exactModel }) {
  const row = (what, sides, [ms, ofExact]) => ({
    threads,
    what,
    'output layer on': sides,
    'ms a step': digits(ms),
    'times the exact one': digits(ms / ofExact),
  })
  // The network below the head is ours in every case; OpenBLAS's whole step is its head and that network.
  const below = exactModel.ms - exact.ms
  return [
    ...(openblas ? [row('output layer', 'dense, OpenBLAS', [openblas.ms, exact.ms])] : []),
    row('output layer', 'dense, ours', [dense.ms, exact.ms]),
    row('output layer', 'exact', [exact.ms, exact.ms]),
    ...(openblas ? [row('whole model', 'dense, OpenBLAS (sum)', [openblas.ms + below, exactModel.ms])] : []),
    row('whole model', 'dense, ours', [denseModel.ms, exactModel.ms]),
    row('whole model', 'exact', [exactModel.ms, exactModel.ms]),
  ]
}

export function paperTable() {
  const baseline = findBaseline(isa(), isa() !== supportedIsas()[0])
  const results = threadCounts.map((threads) => measure(threads, baseline))
  const { numClasses, hiddenSize, examples } = paper
  console.log(`\nThe paper's table: D = ${numClasses}, d = ${hiddenSize}, m = ${examples}, squared error, ${isa()};`)
  console.log(`${describeBaseline(baseline)}. Whole model: bags of 10 words of 100,000, two dense layers of 300.\n`)
  console.log(markdownTable(results.flatMap(rowsOf)))
  return { baseline, results }
}
