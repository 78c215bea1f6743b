// All heads of the command line on the same networks, data and order of the data: what they learn in how much time, and how fast their
// steps are beside the full softmax's.

import { HEAD_NAMES } from '../../dist/cli/heads.js'
import { isa } from '../../dist/index.js'
import { dataFolder, isThere, temporaryPath, unpackLines, unpackText, unpackXmc } from '../corpora.mjs'
import { interleave } from '../interleave.mjs'
import { digits, markdownTable, percent } from '../markdown.mjs'
import { logPlot } from '../plot.mjs'
import { runScript } from '../process.mjs'
import { writeResult } from '../results.mjs'
import { isPart, isWanted, quick, threadCounts } from '../settings.mjs'

// The dense head learns what the exact one does, in a time that other tables tell.
const heads = HEAD_NAMES.filter((name) => name !== 'dense')

/** More runs of some heads. */
const weighted = { name: 'exact, weighted', head: 'exact', options: ['--loss', 'weighted-squared-error'] }
const manyBulk = {
  name: 'bulk, 2048 drawn and 2048 retrieved',
  head: 'bulk',
  options: ['--sampled', '2048', '--retrieved', '2048'],
}
const manySamples = { name: 'lsh, 2048 samples', head: 'lsh', options: ['--samples', '2048'] }

/** Evaluations of a run, the points of its curve, and examples of each. */
const EVALUATIONS = quick ? 3 : 10
const EVALUATED = quick ? 300 : 2500

// The format's defaults but for what is said here, which holds for all heads: minibatches of 128 examples, and 128 features for the head
// to see. Heads have the rates of the command line, or that of `rates`, the best of a few tried on the same data. `examples`, those of
// all epochs, only places the evaluations.
const datasets = [
  {
    name: 'tib',
    needs: 'tib/train.txt.xz',
    metric: 'p@1',
    files: () => [unpackXmc('tib/train.txt.xz', quick && 3000), unpackXmc('tib/valid.txt.xz', 5000)],
    options: ['--format', 'xmc', '--hidden', '128', '--epochs', quick ? '1' : '3'],
    rates: {
      softmax: 0.3,
      sampled: 0.2,
      wta: 0.1,
      lsh: 0.15,
      'lsh, 2048 samples': 0.2,
      'exact, weighted': 1,
      [manyBulk.name]: 0.2,
    },
    more: [weighted, manySamples, manyBulk],
    examples: quick ? 3000 : 3 * 90_452,
  },
  {
    name: 'citeulike',
    needs: 'citeulike/train.txt.xz',
    metric: 'p@1',
    files: () => [unpackXmc('citeulike/train.txt.xz', quick && 2000), unpackXmc('citeulike/valid.txt.xz')],
    options: ['--format', 'xmc', '--hidden', '128', '--epochs', quick ? '1' : '4'],
    rates: { bulk: 0.05, softmax: 0.1, sampled: 0.05, hierarchical: 0.05, wta: 0.02, lsh: 0.02, 'exact, weighted': 1 },
    more: [weighted],
    examples: quick ? 2000 : 4 * 20_781,
  },
  {
    name: 'gowalla',
    needs: 'gowalla/train.txt.xz',
    metric: 'recall@20',
    files: () => [unpackLines('gowalla/train.txt.xz', quick && 1000), unpackLines('gowalla/valid.txt.xz')],
    options: ['--format', 'sets', '--hidden', '128', '--epochs', quick ? '1' : '10'],
    rates: { softmax: 0.1, sampled: 0.1 },
    more: [manyBulk],
    examples: quick ? 1000 : 298_580,
  },
  {
    name: 'diginetica',
    needs: 'diginetica/train.txt.xz',
    metric: 'mrr@20',
    files: () => [unpackLines('diginetica/train.txt.xz', quick && 2000), unpackLines('diginetica/valid.txt.xz')],
    options: ['--format', 'sequences', '--embedding', '64', '--epochs', '1'],
    rates: {},
    more: [manyBulk],
    examples: quick ? 7500 : 680_000,
  },
  {
    name: 'enwiki',
    needs: 'enwiki.txt.xz',
    metric: 'top1',
    files: () => unpackText('enwiki.txt.xz', quick ? 100_000 : 6_000_000, quick ? 50_000 : 500_000),
    options: ['--format', 'text', '--embedding', '64', '--hidden', '128', '--epochs', '1'],
    rates: {},
    more: [],
    examples: quick ? 20_000 : 1_100_000,
  },
]

/** The seconds of training after which a curve reaches `level`, between its points by interpolation; undefined if it never does. */
function secondsTo(level, curve) {
  const after = curve.findIndex(({ value }) => value >= level)
  if (after <= 0) return curve[after]?.seconds
  const [a, b] = [curve[after - 1], curve[after]]
  return a.seconds + ((level - a.value) / (b.value - a.value)) * (b.seconds - a.seconds)
}

function trainOn({ name, metric, files, options, rates, more, examples }) {
  const [train, valid] = files()
  const every = Math.ceil(examples / 128 / EVALUATIONS)
  const common = [...options, '--batch', '128', '--eval-every', `${every}`, '--eval-examples', `${EVALUATED}`]
  const sides = [...heads.map((head) => ({ name: head, head, options: [] })), ...more]
  const runs = sides.map((side) => {
    const rate = rates[side.name]
    const own = ['--head', side.head, ...side.options, ...(rate ? ['--head-learning-rate', `${rate}`] : [])]
    const args = ['--train', train, '--valid', valid, ...common, ...own]
    const result = runScript('train', { args, out: temporaryPath('model'), metric })
    return { name: side.name, ...result, final: result.curve.at(-1).value }
  })
  const level = 0.95 * runs.find((run) => run.name === 'softmax').final
  const timed = runs.map((run) => ({ ...run, secondsTo95: secondsTo(level, run.curve) }))
  report(name, metric, timed)
  return { name, metric, options: common, level, runs: timed }
}

function report(name, metric, runs) {
  const full = runs.find((run) => run.name === 'softmax')
  const [{ numClasses, hiddenSize, batch }] = runs
  const classes = numClasses.toLocaleString('en-US')
  console.log(
    `\n${name}: D = ${classes}, d = ${hiddenSize}, m = ${batch}, the whole network; evaluations are not timed\n`,
  )
  console.log(
    markdownTable(
      runs.map((run) => ({
        head: run.name,
        rate: `${run.headLearningRate}${run.headOptimizer ? ` ${run.headOptimizer}` : ''}`,
        [metric]: run.final.toFixed(3),
        'of softmax': percent(run.final / full.final),
        ...(run.curve.at(-1).perplexity && { perplexity: digits(run.curve.at(-1).perplexity) }),
        seconds: digits(run.seconds),
        'examples/s': digits(run.examplesPerSecond),
        'times softmax': digits(run.examplesPerSecond / full.examplesPerSecond),
        'peak MiB': digits(run.peakMiB),
        's to 95 % of softmax': digits(run.secondsTo95),
        'times sooner': digits(full.secondsTo95 / run.secondsTo95),
      })),
    ),
  )
  const curves = runs.map(({ name: side, curve }) => ({
    name: side,
    points: curve.map(({ seconds, value }) => [seconds, value]),
  }))
  const title = `${name}: ${metric} of held-out data, D = ${classes}, ${isa()}`
  const plot = logPlot({ title, xLabel: 'seconds of training', yLabel: metric, curves, linear: true })
  console.log(`\nplot: ${writeResult(`heads-${name}.svg`, plot)}`)
}

const shapes = [
  { numClasses: 41_218, labels: 3 },
  { numClasses: quick ? 60_000 : 670_091, labels: 1 },
]

/** Rows that have changed are hashed again every 64 steps, so steps come in such periods, and their mean is what counts. */
function speedTrial(head, shape, threads) {
  const [warmup, steps] = head === 'softmax' ? [1, quick ? 1 : 4] : quick ? [64, 64] : [128, 192]
  const settings = { head, ...shape, hiddenSize: 128, examples: 128, threads, warmup, steps }
  return () => {
    const result = runScript('heads', settings)
    return { ...result, ms: result.mean }
  }
}

function speeds(shape, threads) {
  const results = interleave(heads.map((head) => speedTrial(head, shape, threads)))
  const full = results.find(({ head }) => head === 'softmax')
  const classes = shape.numClasses.toLocaleString('en-US')
  console.log(
    `\nOne step: D = ${classes}, d = 128, m = 128, Zipf targets, ${shape.labels} an example, ${threads} thread(s)\n`,
  )
  console.log(
    markdownTable(
      results.map((result) => ({
        head: result.head,
        'ms a step': digits(result.ms),
        'examples/s': digits((1000 * result.examples) / result.ms),
        'times softmax': digits(full.ms / result.ms),
        'peak MiB': digits(result.peakMiB),
      })),
    ),
  )
  return results
}

export function headsTable() {
  const wanted = datasets.filter(({ name }) => isWanted(name))
  const there = wanted.filter(({ needs }) => isThere(needs))
  for (const { name } of wanted.filter((set) => !there.includes(set))) {
    console.log(`\n${name}: not in ${dataFolder} (WIDEHEAD_BENCH_DATA says where data are), passed over`)
  }
  const quality = there.map(trainOn)
  if (isPart) return null
  const speed = shapes.flatMap((shape) => threadCounts.flatMap((threads) => speeds(shape, threads)))
  return { quality, speed }
}
