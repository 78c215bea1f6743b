// Heads on the same networks, data and order of the data: what they learn in how much time.

import { HEAD_NAMES } from '../dist/cli/heads.js'
import { isa } from '../dist/index.js'
import { temporaryPath, wantedOf } from './corpora.mjs'
import { digits, markdownTable, percent } from './markdown.mjs'
import { logPlot } from './plot.mjs'
import { runScript } from './process.mjs'
import { writeResult } from './results.mjs'
import { quick } from './settings.mjs'

/** All heads but the dense one, which learns what the exact one does, in a time that other tables tell. */
export const heads = HEAD_NAMES.filter((name) => name !== 'dense')
export const defaultSides = heads.map((head) => ({ name: head, head, options: [] }))

/** Evaluations of a run, the points of its curve. */
const EVALUATIONS = quick ? 3 : 10

/**
 * Trains heads on each of some data sets that is there and wanted, prints a table and plots the curves: minibatches of 128 examples, and
 * the format's defaults but for `options`. A data set has a `name`, the file that it `needs`, the `metric` of its curves, `files()`, which
 * unpacks what is trained on and what is held out, `sides`, the heads with their options, and `rates`, those of some of them. `examples`,
 * those of all epochs, only places the evaluations, which are on `evaluated` of what is held out.
 */
export function learn(datasets) {
  return wantedOf(datasets).map(trainOn)
}

/** The seconds of training after which a curve reaches `level`, between its points by interpolation; undefined if it never does. */
function secondsTo(level, curve) {
  const after = curve.findIndex(({ value }) => value >= level)
  if (after <= 0) return curve[after]?.seconds
  const [a, b] = [curve[after - 1], curve[after]]
  return a.seconds + ((level - a.value) / (b.value - a.value)) * (b.seconds - a.seconds)
}

function trainOn({ name, metric, files, options, rates, sides, examples, evaluated = 2500 }) {
  const [train, valid] = files()
  const every = Math.ceil(examples / 128 / EVALUATIONS)
  const evaluation = ['--eval-every', `${every}`, '--eval-examples', `${quick ? 300 : evaluated}`]
  const common = [...options, '--batch', '128', ...evaluation]
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
