// One trial: trains a network, then asks of held-out examples how near other losses come to it. Arguments: a JSON
// object { args: those of `widehead train` but --out, out: a folder, train, valid, examples, sizes: numbers of classes }.

import { rmSync } from 'node:fs'
import { Readable, Writable } from 'node:stream'
import { loadModel } from '../../dist/cli/model.js'
import { run } from '../../dist/cli/program.js'
import { Sources } from '../../dist/data/source.js'
import { testBatches } from '../../dist/data/stream.js'
import { LshSampledSoftmaxHead, setThreads } from '../../dist/index.js'
import { randomSource } from '../data.mjs'
import { approximateSoftmax, correctedSoftmax, fullSoftmax } from '../fidelity.mjs'
import { median } from '../statistics.mjs'

const trial = JSON.parse(process.argv[2])
setThreads(1)
const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
const streams = { stdin: Readable.from([]), stdout: nowhere, stderr: nowhere }
if ((await run(['train', ...trial.args, '--out', trial.out, '--overwrite'], streams)) !== 0) throw new Error('no model')
const { network, task } = await loadModel({ model: trial.out })
rmSync(trial.out, { recursive: true })
const sources = new Sources({})
const held = await sources.open([trial.valid])
const history = await sources.open(task.usesHistory ? [trial.train] : [])
const batches = testBatches(task, held, history, { batch: trial.examples, limit: trial.examples })
const { value: batch } = await batches.next()
await sources.dispose()

const { head, trunk } = network
const { numClasses: D, hiddenSize: d } = head
const hidden = trunk.evaluate(batch.input)
const m = hidden.length / d
const all = Int32Array.from({ length: D }, (_, i) => i)
const weights = head.rows(all)
const outputs = head.logits(hidden, all)
const { indptr, indices } = batch.targets.indptr
  ? batch.targets
  : { indptr: Int32Array.from({ length: m + 1 }, (_, j) => j), indices: batch.targets }
const targetsOf = (j) => indices.subarray(indptr[j], indptr[j + 1])
const counts = task.classCounts
const byCount = [...all].sort((a, b) => counts[b] - counts[a] || a - b)
const most = Math.max(...trial.sizes)
const best = head.topK(hidden, Math.min(D, most + 64)).classes
const top = (j, count) => best.subarray((j * best.length) / m, (j * best.length) / m + count)

// What hash tables find, and the nearest rows of an example's first target.
const lsh = new LshSampledSoftmaxHead({ numClasses: D, hiddenSize: d, init: { kind: 'weights', weights } })
const found = lsh.topK(hidden, most, { exact: false, candidates: most }).classes
const retrieved = (j, count) => found.subarray(j * most, j * most + count)
const firstRows = head.rows(Int32Array.from({ length: m }, (_, j) => targetsOf(j)[0] ?? 0))
const near = head.topK(firstRows, most).classes
const neighbours = (j, count) => near.subarray(j * most, j * most + count)

const random = randomSource(1)
/** Different classes drawn in proportion to `chances`, with the probability of each to be among them. */
function draw(count, chances) {
  const sums = new Float64Array(D)
  let total = 0
  for (let i = 0; i < D; i++) sums[i] = total += chances(i)
  const drawn = new Set()
  let tries = 0
  for (; drawn.size < count; tries++) {
    const u = random.uniform() * total
    let [low, high] = [0, D - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle] > u) high = middle
      else low = middle + 1
    }
    drawn.add(low)
  }
  const probability = (i) => -Math.expm1(tries * Math.log1p(-chances(i) / total))
  return { drawn: [...drawn], probability }
}
const unigram = (i) => Math.max(counts[i], 1) ** 0.75
const minibatch = new Set(indices)
const split = (size, list) => (j) => [...byCount.slice(0, size / 2), ...list(j, size / 2)]

/** One block of all classes, and four of them by frequency. */
const whole = [all]
const bounds = [0, D >> 6, D >> 4, D >> 2, D]
const blocks = bounds.slice(1).map((end, b) => byCount.slice(bounds[b], end))

/** The choices of `size` classes beside an example's own targets. */
function choices(size) {
  const uniformly = draw(size, () => 1)
  const byUnigram = draw(size, unigram)
  const halfDrawn = draw(size / 2, unigram)
  const frequent = byCount.slice(0, size)
  return {
    'bulk, most frequent': { sure: () => frequent },
    'bulk, true top': { sure: (j) => top(j, size) },
    'bulk, half frequent, half from hash tables': { sure: split(size, retrieved) },
    "bulk, half frequent, half neighbours of the target's row": { sure: split(size, neighbours) },
    'bulk of four blocks, most frequent': { sure: () => frequent, blocks },
    'bulk of four blocks, half frequent, half from hash tables': { sure: split(size, retrieved), blocks },
    'bulk, half from hash tables, half drawn by unigram': {
      sure: (j) => retrieved(j, size / 2),
      ...halfDrawn,
      share: 0.9,
    },
    'bulk, half from hash tables, half drawn to correct it': {
      sure: (j) => retrieved(j, size / 2),
      ...halfDrawn,
      softmax: correctedSoftmax,
    },
    'bulk, half frequent, half drawn by unigram': { sure: () => byCount.slice(0, size / 2), ...halfDrawn, share: 0.5 },
    'bulk, drawn by unigram': { sure: () => [], ...byUnigram, share: 0.5 },
    'sampled softmax, uniform': { sure: () => [], ...uniformly, blocks: undefined },
    'sampled softmax, unigram': { sure: () => [], ...byUnigram, blocks: undefined },
    'top alone': { sure: (j) => top(j, size), blocks: undefined },
    'hash tables alone': { sure: (j) => retrieved(j, size), blocks: undefined },
  }
}

const g = new Float64Array(D)
function backward(j) {
  for (const i of targetsOf(j)) g[i] -= 1 / targetsOf(j).length
  const sum = new Float64Array(d)
  for (let i = 0; i < D; i++) {
    if (g[i] === 0) continue
    for (let k = 0; k < d; k++) sum[k] += g[i] * weights[i * d + k]
  }
  return sum
}
const rowOf = (j) => outputs.subarray(j * D, (j + 1) * D)
const truths = Array.from({ length: m }, (_, j) => ({ logZ: fullSoftmax(rowOf(j), g), gradient: backward(j) }))
const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0)

const defaults = { drawn: [], share: 0, softmax: approximateSoftmax, blocks: whole }

/** How near it comes, over the examples that have targets. */
function compare(given) {
  const { sure, drawn, probability, share, softmax, blocks } = { ...defaults, ...given }
  const errors = []
  const cosines = []
  const biases = []
  for (let j = 0; j < m; j++) {
    if (targetsOf(j).length === 0) continue
    const { logZ, gradient } = truths[j]
    const certain = new Set([...sure(j), ...targetsOf(j)])
    const others = drawn.filter((i) => !certain.has(i))
    const choice = { sure: certain, drawn: others, probabilities: others.map((i) => probability(i)), share, blocks }
    biases.push(softmax(rowOf(j), g, choice) - logZ)
    const mine = backward(j)
    const length = Math.sqrt(dot(gradient, gradient))
    errors.push(Math.sqrt(mine.reduce((sum, x, i) => sum + (x - gradient[i]) ** 2, 0)) / length)
    cosines.push(dot(mine, gradient) / (length * Math.sqrt(dot(mine, mine))))
  }
  const bias = biases.reduce((sum, x) => sum + x / biases.length, 0)
  const sd = Math.sqrt(biases.reduce((sum, x) => sum + (x - bias) ** 2 / biases.length, 0))
  return { error: median(errors), cosine: median(cosines), bias, sd }
}

const moments = Array.from({ length: m }, (_, j) => {
  const o = rowOf(j)
  const mean = o.reduce((sum, x) => sum + x, 0) / D
  return Math.sqrt(o.reduce((sum, x) => sum + (x - mean) ** 2, 0) / D)
})
const results = [
  { method: 'bulk alone', size: 0, ...compare({ sure: () => [] }) },
  { method: 'bulk of four blocks alone', size: 0, ...compare({ sure: () => [], blocks }) },
  { method: "bulk, the minibatch's targets", size: minibatch.size, ...compare({ sure: () => minibatch }) },
]
for (const size of trial.sizes) {
  for (const [method, choice] of Object.entries(choices(size))) results.push({ method, size, ...compare(choice) })
}
const hits = (j) => [...retrieved(j, 64)].filter((id) => top(j, 64).includes(id)).length / 64
const recall = Array.from({ length: m }, (_, j) => hits(j)).reduce((sum, x) => sum + x / m, 0)
const about = {
  numClasses: D,
  hiddenSize: d,
  examples: m,
  sd: median(moments),
  largest: outputs.reduce((most, o) => Math.max(most, o)),
  recall,
}
process.stdout.write(`${JSON.stringify({ ...about, results })}\n`)
