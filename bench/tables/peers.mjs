// Other people's programs beside this one: a step of a dense softmax layer in TensorFlow.js (wasm) and in fastText, and fastText on
// public data. Peers that are not installed are left out. One thread throughout: tfjs's wasm has no threads in Node.

import { dataFolder, isThere, temporaryPath, unpackXmc } from '../corpora.mjs'
import { hasFastText, labelLines, testFastText, toFastText, trainFastText } from '../fasttext.mjs'
import { interleave } from '../interleave.mjs'
import { digits, markdownTable } from '../markdown.mjs'
import { runScript } from '../process.mjs'
import { quick } from '../settings.mjs'

const shape = { hiddenSize: 128, examples: 128 }
const sizes = quick ? [10_000] : [10_000, 30_000, 100_000]
const few = quick ? { warmup: 1, steps: 3 } : { warmup: 1, steps: 4 }
const many = quick ? { warmup: 20, steps: 60 } : { warmup: 64, steps: 256 }

function tfjsStep(style, numClasses) {
  try {
    return runScript('peer-tfjs', { style, numClasses, ...shape, ...few })
  } catch (error) {
    if (error.status === 3) return null
    throw error
  }
}

/** Milliseconds for `examples` steps of one example: what an epoch more takes, so that reading and saving do not count. */
function fastTextStep(numClasses) {
  const lines = 200
  const input = labelLines(numClasses, lines)
  const options = { loss: 'softmax', dim: shape.hiddenSize }
  const [one, two] = [1, 2].map((epoch) => trainFastText(input, { ...options, epoch }).seconds)
  return { ms: (1000 * (two - one) * shape.examples) / lines }
}

function ourStep(head, numClasses) {
  const dense = head === 'softmax'
  const result = runScript('heads', { head, numClasses, labels: 1, ...shape, threads: 1, ...(dense ? few : many) })
  return { ...result, ms: result.mean }
}

function measureSteps(numClasses, withFastText) {
  const sides = [
    ['tfjs wasm, optimizer.minimize', () => tfjsStep('minimize', numClasses)],
    ['tfjs wasm, by hand', () => tfjsStep('by hand', numClasses)],
    ['fastText, softmax', () => (withFastText ? fastTextStep(numClasses) : null)],
    ...['softmax', 'sampled', 'exact'].map((head) => [`widehead, ${head}`, () => ourStep(head, numClasses)]),
  ]
  const results = interleave(sides.map(([, trial]) => trial))
  return sides.map(([side], i) => ({ side, numClasses, ...results[i], there: results[i] !== null }))
}

function steps(withFastText) {
  const results = sizes.flatMap((numClasses) => measureSteps(numClasses, withFastText))
  const there = results.filter((result) => result.there)
  if (there.length < results.length && !there.some(({ side }) => side.startsWith('tfjs')))
    console.log('\nTensorFlow.js is not installed (npm install), left out')
  const names = [...new Set(there.map(({ side }) => side))]
  const at = (side, numClasses) => there.find((one) => one.side === side && one.numClasses === numClasses)
  console.log(
    '\nMilliseconds for 128 examples, d = 128, one thread, medians; with the gradient for the hidden vectors\n',
  )
  console.log(
    markdownTable(
      names.map((side) => ({
        side,
        ...Object.fromEntries(sizes.map((D) => [`D = ${D.toLocaleString('en-US')}`, digits(at(side, D).ms)])),
      })),
    ),
  )
  return there
}

const EPOCHS = quick ? 2 : 5

/** P@1 and P@5 of citeulike's held-out documents, and the seconds of training on one thread. */
function fastTextRun(train, valid, loss, lr) {
  const options = { loss, lr, dim: shape.hiddenSize, ...(loss === 'ns' && { neg: 20 }) }
  const short = trainFastText(train, { ...options, epoch: 1 })
  const { seconds, model } = trainFastText(train, { ...options, epoch: EPOCHS })
  return {
    side: `fastText, ${loss}`,
    rate: lr,
    seconds: ((seconds - short.seconds) * EPOCHS) / (EPOCHS - 1), // without reading and saving, as ours
    p1: testFastText(model, valid, 1),
    p5: testFastText(model, valid, 5),
  }
}

function ourRun(train, valid, head, rate) {
  const options = ['--format', 'xmc', '--hidden', `${shape.hiddenSize}`, '--epochs', `${EPOCHS}`, '--threads', '1']
  const args = ['--train', train, '--valid', valid, ...options, '--head', head, '--head-learning-rate', `${rate}`]
  const { seconds, scores } = runScript('train', { args, out: temporaryPath('peer-model'), metric: 'p@1' })
  return { side: `widehead, ${head}`, rate, seconds, p1: scores['p@1'], p5: scores['p@5'] }
}

function tagging() {
  const [train, valid] = [unpackXmc('citeulike/train.txt.xz', quick && 2000), unpackXmc('citeulike/valid.txt.xz')]
  const [theirTrain, theirValid] = [toFastText(train, 'fasttext-train'), toFastText(valid, 'fasttext-valid')]
  // The best of the rates that were tried on these data, from 0.1 to 2.
  const theirs = [
    ['hs', 1],
    ['ns', 0.7],
  ].map(([loss, rate]) => fastTextRun(theirTrain, theirValid, loss, rate))
  const ours = [
    ['hierarchical', 0.05],
    ['sampled', 0.05],
    ['exact', 0.2],
  ].map(([head, rate]) => ourRun(train, valid, head, rate))
  const rows = [...theirs, ...ours]
  console.log(
    `\nciteulike, D = 52,946, d = 128, ${EPOCHS} epochs, one thread: held-out precision, seconds of training\n`,
  )
  console.log(
    markdownTable(
      rows.map(({ side, rate, p1, p5, seconds }) => ({
        side,
        rate,
        'P@1': p1.toFixed(3),
        'P@5': p5.toFixed(3),
        seconds: digits(seconds),
      })),
    ),
  )
  return rows
}

export function peers() {
  const withFastText = hasFastText()
  if (!withFastText) console.log('\nfastText is not installed (Debian: fasttext), left out')
  const data = isThere('citeulike/train.txt.xz')
  if (!data) console.log(`\nciteulike: not in ${dataFolder} (WIDEHEAD_BENCH_DATA says where data are), passed over`)
  return { shape, steps: steps(withFastText), tagging: withFastText && data ? tagging() : null }
}
