// Adagrad of the bulk softmax: a sum for each row that all examples see, one rate for all others.

import { expect, test } from 'vitest'
import { BulkSoftmaxHead, type BulkSoftmaxOptions, SampledSoftmaxHead, SoftmaxHead } from '../../lib/index.js'
import { range } from '../judge/compare.js'
import { denseBulkSoftmax } from '../judge/dense-losses.js'
import { Float64Head, relativeError } from '../judge/float64-head.js'
import { Random } from '../judge/random.js'
import { Stream, type TargetKind } from '../judge/stream.js'
import { expectSameSteps } from './same-steps.js'

const [numClasses, hiddenSize] = [400, 16]
const all = range(0, numClasses)
const optimizer = { kind: 'adagrad' as const, epsilon: 0.01 }
const weights = Float32Array.from(new Random(1).normals(numClasses * hiddenSize, 0.3))
const common = { numClasses, hiddenSize, bias: true, init: { kind: 'weights' as const, weights }, optimizer }
const streamOf = (batchSize: number, targets: TargetKind) =>
  new Stream({ numClasses, hiddenSize, batchSize, seed: 2, targets })

type Row = { sum: number; rate: number }

/** One step in float64: by Adagrad of the classes of S, by SGD of the rest at bulkRate times the rate of their mean root. */
function judgeStep(
  judge: Float64Head,
  gradient: Float64Array,
  seen: Set<number>,
  sums: Map<number, number>,
  own: Step,
) {
  const { width } = judge
  const { learningRate, decay, clip, bulkRate } = own
  const rows = new Map<number, Row>()
  for (const id of seen) {
    const g = gradient.subarray(id * width, (id + 1) * width)
    const sum = (sums.get(id) ?? 0) + g.reduce((total, x) => total + (clip * x) ** 2 / width, 0)
    rows.set(id, { sum, rate: 1 / (Math.sqrt(sum) + optimizer.epsilon) })
    sums.set(id, sum)
  }
  const mean = [...rows.values()].reduce((total, { sum }) => total + Math.sqrt(sum) / rows.size, 0)
  for (let i = 0; i < gradient.length; i++) {
    const rate = rows.get(Math.floor(i / width))?.rate ?? bulkRate / (mean + optimizer.epsilon)
    judge.weights[i] = decay * judge.weights[i] - learningRate * clip * rate * gradient[i]
  }
}
interface Step {
  learningRate: number
  decay: number
  clip: number
  bulkRate: number
}

test.each<[number, number, TargetKind]>([
  [1, 1, 'one target'],
  [12, 1, 'weights'],
  [12, 0.2, 'some without'],
  [40, 3, 'duplicates'],
])('%i examples, the bulk at %f times their mean, %s: as in float64', (batchSize, bulkRate, targetKind) => {
  const shortlist = Int32Array.of(5, 1, 333)
  const head = new BulkSoftmaxHead({ ...common, shortlist, sampled: 0, bulkRate })
  let loss = denseBulkSoftmax([])
  const judge = new Float64Head({ numClasses, hiddenSize, bias: true, weights, loss: (...given) => loss(...given) })
  const sums = new Map<number, number>()
  const stream = streamOf(batchSize, targetKind)
  for (let t = 0; t < 60; t++) {
    const { hidden, targets } = stream.next()
    const seen = new Set([...shortlist, ...('indices' in targets ? targets.indices : targets)])
    loss = denseBulkSoftmax(seen)
    const [learningRate, weightDecay, clipNorm] = [0.05, 0.1, t % 2 ? 0.3 : 100]
    const result = head.step(hidden, targets, { learningRate, weightDecay, clipNorm })
    const expected = judge.gradients(hidden, targets)
    expect(
      relativeError([result.loss, result.gradNorm], [expected.result.loss, expected.result.gradNorm]),
    ).toBeLessThan(1e-5)
    expect(relativeError(result.dHidden, expected.result.dHidden)).toBeLessThan(2e-5)
    const clip = Math.min(1, clipNorm / expected.result.gradNorm)
    judgeStep(judge, expected.gradient, seen, sums, {
      learningRate,
      decay: 1 - learningRate * weightDecay,
      clip,
      bulkRate,
    })
  }
  expect(relativeError(head.rows(all), judge.rows(all))).toBeLessThan(1e-5)
})

test('with all classes in the shortlist it is SoftmaxHead', () => {
  const bulk = new BulkSoftmaxHead({ ...common, shortlist: all })
  const full = new SoftmaxHead(common)
  const stream = streamOf(12, 'weights')
  const options = { learningRate: 0.05, clipNorm: 2 }
  expectSameSteps([bulk, full], { stream, steps: 60, options }, { numbers: 5e-6, dHidden: 1e-5, rows: 1e-5 })
})

test('with all of the bulk drawn it is SampledSoftmaxHead', () => {
  const counts = Float64Array.from(all, (i) => 1000 / (i + 1))
  const bulk = new BulkSoftmaxHead({ ...common, counts, shortlist: 0, sampled: 60, sampledShare: 1, seed: 4 })
  const sampled = new SampledSoftmaxHead({ ...common, counts, samples: 60, seed: 4 })
  const stream = streamOf(12, 'several unsorted')
  const options = { learningRate: 0.05, clipNorm: 2 }
  expectSameSteps([bulk, sampled], { stream, steps: 50, options }, { numbers: 5e-6, rows: 1e-5 })
})

test('what rounding leaves of a class that is not likely at all is no gradient', () => {
  const weights = Float32Array.from(new Random(3).normals(2000, 0.1))
  weights[5] = -52
  const head = new BulkSoftmaxHead({
    numClasses: 2000,
    hiddenSize: 1,
    init: { kind: 'weights', weights },
    optimizer: { kind: 'adagrad' },
    shortlist: Int32Array.of(5),
    sampled: 0,
  })
  head.step(Float32Array.of(1), Int32Array.of(9), { learningRate: 0.2 })
  expect(Math.abs(head.rows(Int32Array.of(5))[0] + 52)).toBeLessThan(1e-4)
})

test('a step at a rate of 0 is forgotten', () => {
  const [a, b] = [1, 2].map(() => new BulkSoftmaxHead({ ...common, shortlist: 30, sampled: 0 }))
  const stream = streamOf(12, 'one target')
  for (let t = 0; t < 5; t++) {
    const { hidden, targets } = stream.next()
    for (const head of [a, b]) head.step(hidden, targets, { learningRate: 0.05 })
    b.step(hidden, targets, { learningRate: 0 })
  }
  expect(relativeError(b.rows(all), a.rows(all))).toBeLessThan(1e-6)
})

test.each<[object, RegExp]>([
  [{ optimizer: { kind: 'adam' } }, /optimizer.kind must be sgd or adagrad for a BulkSoftmaxHead, got adam/],
  [{ optimizer: { kind: 'adagrad', rowwise: false } }, /optimizer.rowwise must be true .*, got false/],
  [{ minibatchTargets: false }, /minibatchTargets must be true for the optimizer adagrad, got false/],
  [{ bulkRate: 0 }, /bulkRate must be .*, got 0/],
])('%o is refused', (own, message) => {
  expect(() => new BulkSoftmaxHead({ ...common, ...(own as BulkSoftmaxOptions) })).toThrow(message)
})
