// What the bulk softmax is beside its exactness: the full softmax in the limit, safe for outputs of any size, and its shortlist.

import { describe, expect, test } from 'vitest'
import { BulkSoftmaxHead, SoftmaxHead, type Targets } from '../../lib/index.js'
import { range } from '../judge/compare.js'
import { denseBulkSoftmax, denseSoftmax } from '../judge/dense-losses.js'
import { Float64Head, relativeError } from '../judge/float64-head.js'
import { Random } from '../judge/random.js'
import { Stream } from '../judge/stream.js'
import { expectSameSteps } from './same-steps.js'

const [numClasses, hiddenSize, batchSize] = [400, 16, 12]
const all = range(0, numClasses)

function randomWeights(seed: number, scale: number, D = numClasses, d = hiddenSize): Float32Array {
  return Float32Array.from(new Random(seed).normals(D * d, scale))
}

describe.each([false, true])('bias %s', (bias) => {
  test.each([400, 380])('with %i of 400 classes in the shortlist it is SoftmaxHead', (count) => {
    const init = { kind: 'weights' as const, weights: randomWeights(1, 0.3) }
    const bulk = new BulkSoftmaxHead({ numClasses, hiddenSize, bias, init, shortlist: all.slice(0, count) })
    const full = new SoftmaxHead({ numClasses, hiddenSize, bias, init })
    const stream = new Stream({ numClasses, hiddenSize, batchSize, seed: 2, targets: 'weights' })
    const options = { learningRate: 0.2, weightDecay: 0.01, clipNorm: 2 }
    expectSameSteps([bulk, full], { stream, steps: 100, options }, { numbers: 3e-6, dHidden: 3e-6, rows: 5e-6 })
    expect(bulk.diagnostics().shortlist).toBe(count)
  })

  test('evaluate with exact: true is the full softmax, after steps of the other loss', async () => {
    const head = new BulkSoftmaxHead({
      numClasses,
      hiddenSize,
      bias,
      shortlist: 20,
      sampled: 40,
      init: { kind: 'normal', scale: 0.5 },
    })
    const stream = new Stream({ numClasses, hiddenSize, batchSize, seed: 3, targets: 'some without' })
    for (let t = 0; t < 150; t++) {
      const { hidden, targets } = stream.next()
      head.step(hidden, targets, { learningRate: 0.5 })
    }
    const { hidden, targets } = stream.next()
    const weights = head.rows(all)
    const judge = new Float64Head({
      numClasses,
      hiddenSize,
      bias,
      weights,
      biases: head.biases(all),
      loss: denseSoftmax(),
    })
    const expected = judge.evaluate(hidden, targets)
    const { loss, losses } = head.evaluate(hidden, targets, { exact: true })
    expect(relativeError(losses, expected.losses)).toBeLessThan(2e-6)
    expect(loss).toBeCloseTo(expected.loss, 5)
    expect(await head.evaluateAsync(hidden, targets, { exact: true })).toEqual({ loss, losses })
    expect(head.evaluate(hidden, targets).loss).not.toBe(loss)
  })
})

test('evaluate with exact: true goes through many blocks of classes', () => {
  const [D, d] = [5000, 6]
  const weights = randomWeights(4, 2, D, d)
  const head = new BulkSoftmaxHead({ numClasses: D, hiddenSize: d, init: { kind: 'weights', weights } })
  const judge = new Float64Head({ numClasses: D, hiddenSize: d, weights, loss: denseSoftmax() })
  const hidden = randomWeights(5, 1, 9, d)
  const targets = Int32Array.of(0, 4999, 2047, 2048, 2049, 17, 4095, 4096, 3000)
  const { losses } = head.evaluate(hidden, targets, { exact: true })
  expect(relativeError(losses, judge.evaluate(hidden, targets).losses)).toBeLessThan(2e-6)
})

test('exact: true changes nothing for heads whose loss is exact', () => {
  const head = new SoftmaxHead({ numClasses, hiddenSize, init: { kind: 'normal', scale: 0.3 } })
  const { hidden, targets } = new Stream({ numClasses, hiddenSize, batchSize, seed: 3 }).next()
  expect(head.evaluate(hidden, targets, { exact: true })).toEqual(head.evaluate(hidden, targets))
  expect(() => head.evaluate(hidden, targets, { exact: 1 as never })).toThrow(TypeError)
})

const alone = { minibatchTargets: false, sampled: 0 }

// d = 1 and hidden vectors of 1: the outputs are the weights, to the last bit.
function outputsOf(outputs: ArrayLike<number>, shortlist: Int32Array | number) {
  const weights = Float32Array.from(outputs)
  const [numClasses, hiddenSize] = [weights.length, 1]
  const head = new BulkSoftmaxHead({ numClasses, hiddenSize, init: { kind: 'weights', weights }, shortlist, ...alone })
  const loss = denseBulkSoftmax(typeof shortlist === 'number' ? [] : shortlist)
  return { head, judge: new Float64Head({ numClasses, hiddenSize, weights, loss }) }
}

describe('outputs of any size', () => {
  const random = new Random(6)
  const spread = (sd: number, D = 300) => Array.from(random.normals(D, sd))
  const large = (sign: number) => spread(1).map((o, i) => (i % 50 === 0 ? 80 * sign : o))
  test.each<[string, number[], number[]]>([
    ['80 in the shortlist', large(1), [0, 50, 100, 150, 200, 250]],
    ['80 in the bulk', large(1), [1, 2, 3]],
    ['-80 in the shortlist', large(-1), [0, 50, 100, 150, 200, 250]],
    ['-80 in the bulk', large(-1), [1, 2, 3]],
    ['80 and -80', spread(1).map((o, i) => (i % 7 ? o : i % 2 ? 80 : -80)), [0, 7, 8]],
    ['all at 80', spread(1).map((o) => 80 + o), [0, 7, 8]],
    ['all at -80', spread(1).map((o) => -80 + o), [0, 7, 8]],
    ['a variance of 50', spread(Math.sqrt(50)), [4, 5]],
    ['a variance of 50 around 30', spread(Math.sqrt(50)).map((o) => 30 + o), []],
    ['all alike', spread(0).map(() => 3), [4, 5]],
  ])('%s', (_, outputs, shortlist) => {
    const { head, judge } = outputsOf(outputs, Int32Array.from(shortlist))
    const hidden = Float32Array.of(1, 1, 1)
    const targets = { indptr: Int32Array.of(0, 1, 1, 3), indices: Int32Array.of(50, 3, 4) }
    const right = judge.evaluate(hidden, targets)
    expect(relativeError(head.evaluate(hidden, targets).losses, right.losses)).toBeLessThan(1e-5)
    expect(right.losses[1]).toBe(0)
    // A gradient is a sum of 300 products of derivatives and weights: what cancels is judged by their sizes.
    const { dHidden } = head.step(hidden, targets, { learningRate: 1e-3 })
    const expected = judge.step(hidden, targets, { learningRate: 1e-3 }).dHidden
    const size = Math.max(...outputs.map(Math.abs))
    for (const [j, value] of dHidden.entries()) expect(Math.abs(value - expected[j])).toBeLessThan(2e-4 * size)
    const rows = head.rows(range(0, outputs.length))
    expect(relativeError(rows, judge.rows(range(0, outputs.length)))).toBeLessThan(1e-5)
  })

  test.each([80, -80, 0])('all classes but one in the shortlist, that one at %f', (lonely) => {
    const outputs = spread(1).map((o, i) => (i === 7 ? lonely : o))
    const shortlist = Int32Array.from(outputs.keys()).filter((i) => i !== 7)
    const { head, judge } = outputsOf(outputs, shortlist)
    const hidden = Float32Array.of(1, 1)
    for (const targets of [Int32Array.of(0, 7), Int32Array.of(7, 7), Int32Array.of(1, 2)]) {
      const expected = judge.evaluate(hidden, targets).losses
      head.evaluate(hidden, targets).losses.forEach((loss, j) => {
        expect(Math.abs(loss - expected[j])).toBeLessThan(1e-4)
      })
    }
  })

  test('a loss that overflows fails the step and changes nothing', () => {
    const { head } = outputsOf([1e30, -1e30, 3e38, 1], Int32Array.of(0))
    const before = head.rows(range(0, 4))
    expect(() => head.step(Float32Array.of(3e38), Int32Array.of(1), { learningRate: 1 })).toThrow()
    expect(head.rows(range(0, 4))).toEqual(before)
  })
})

test('gradients are those of finite differences', () => {
  const [D, d] = [60, 4]
  const head = new BulkSoftmaxHead({
    numClasses: D,
    hiddenSize: d,
    bias: true,
    shortlist: Int32Array.of(5, 1, 33),
    sampled: 0,
    init: { kind: 'normal', scale: 1 },
  })
  const hidden = randomWeights(8, 1, 3, d)
  const targets: Targets = {
    indptr: Int32Array.of(0, 2, 2, 4),
    indices: Int32Array.of(5, 9, 0, 59),
    values: Float32Array.of(1, 0.5, -0.3, 2),
  }
  const { dHidden } = head.forward(hidden, targets)
  const step = 2 ** -7 // a float32 loss allows no smaller one
  for (let i = 0; i < hidden.length; i++) {
    const at = (change: number) => head.evaluate(hidden.with(i, hidden[i] + change), targets).loss
    const slope = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)
    expect(Math.abs(slope - dHidden[i])).toBeLessThan(1e-4)
  }
})

test('frequent classes of the shortlist learn more slowly, all else being the same', () => {
  const [D, d] = [40, 6]
  const counts = new Float64Array(D)
  counts.set([400, 25, 100], 7)
  const weights = randomWeights(15, 0.5, D, d)
  const init = { kind: 'weights' as const, weights }
  const head = new BulkSoftmaxHead({
    numClasses: D,
    hiddenSize: d,
    bias: true,
    init,
    counts,
    shortlist: 3,
    ...alone,
  })
  const loss = denseBulkSoftmax([7, 8, 9])
  const judge = new Float64Head({ numClasses: D, hiddenSize: d, bias: true, weights, loss })
  const stream = new Stream({ numClasses: D, hiddenSize: d, batchSize: 5, seed: 16, targets: 'weights' })
  for (let t = 0; t < 30; t++) {
    const { hidden, targets } = stream.next()
    const clipNorm = t % 2 ? 0.3 : 100
    const { gradNorm, dHidden } = head.step(hidden, targets, { learningRate: 0.2, clipNorm })
    const { result, gradient } = judge.gradients(hidden, targets)
    expect(relativeError([gradNorm], [result.gradNorm])).toBeLessThan(1e-5)
    expect(relativeError(dHidden, result.dHidden)).toBeLessThan(1e-5)
    const clip = Math.min(1, clipNorm / result.gradNorm)
    for (let i = 0; i < gradient.length; i++) {
      const count = counts[Math.floor(i / (d + 1))]
      judge.weights[i] -= 0.2 * clip * (count > 0 ? Math.sqrt(25 / count) : 1) * gradient[i]
    }
  }
  expect(relativeError(head.rows(range(0, D)), judge.rows(range(0, D)))).toBeLessThan(1e-5)
})

describe('the shortlist', () => {
  const shape = { numClasses: 50, hiddenSize: 4 }
  const listed = (head: BulkSoftmaxHead) => head.diagnostics().shortlist
  const hidden = randomWeights(9, 1, 6, 4)

  test('of given counts has the most frequent classes, and none of count 0', () => {
    const counts = new Float64Array(50)
    counts.set([3, 1, 0, 7, 7])
    expect(listed(new BulkSoftmaxHead({ ...shape, shortlist: 2, counts }))).toBe(2)
    expect(listed(new BulkSoftmaxHead({ ...shape, shortlist: 40, counts }))).toBe(4)
    const init = { kind: 'normal' as const, scale: 0.5 }
    const [byCounts, byList] = [{ shortlist: 3, counts }, { shortlist: Int32Array.of(4, 3, 0) }].map(
      (own) => new BulkSoftmaxHead({ ...shape, init, ...alone, ...own }),
    )
    const targets = Int32Array.of(0, 1, 2, 3, 4, 5)
    expect(byCounts.evaluate(hidden, targets)).toEqual(byList.evaluate(hidden, targets))
  })

  test('of gathered counts follows the targets', () => {
    const init = { kind: 'normal' as const, scale: 0.5 }
    const head = new BulkSoftmaxHead({ ...shape, init, ...alone, shortlist: 2 })
    expect(listed(head)).toBe(0)
    const still = { learningRate: 0 }
    head.step(hidden, Int32Array.of(9, 9, 9, 2, 8, 8), still)
    const same = (list: number[]) => {
      const other = new BulkSoftmaxHead({ ...shape, init, ...alone, shortlist: Int32Array.from(list) })
      const targets = Int32Array.of(0, 1, 2, 3, 4, 5)
      expect(head.evaluate(hidden, targets).loss).toBeCloseTo(other.evaluate(hidden, targets).loss, 6)
    }
    same([9, 8])
    head.step(hidden, Int32Array.of(2, 2, 2, 2, 2, 2), still)
    same([2, 9])
    head.step(hidden, Int32Array.of(7, 7, 7, 7, 7, 7), still) // the third is not looked at
    same([2, 9])
    head.step(hidden, Int32Array.of(7, 7, 7, 7, 7, 7), still)
    same([7, 2])
  })

  test.each<[object, typeof TypeError | typeof RangeError, RegExp]>([
    [{ shortlist: -1 }, RangeError, /shortlist must be a whole number from 0 .* got -1/],
    [{ shortlist: [1, 2] }, TypeError, /shortlist must be/],
    [
      { shortlist: new Int32Array(new SharedArrayBuffer(8)) },
      TypeError,
      /shortlist must not lie in a SharedArrayBuffer/,
    ],
    [{ shortlist: Int32Array.of(1, 50) }, RangeError, /shortlist must hold class ids from 0 to 49, got 50 at index 1/],
    [{ shortlist: Int32Array.of(1, 2, 1) }, RangeError, /shortlist must hold each class once, got 1 again at index 2/],
    [{ retrieved: -1 }, RangeError, /retrieved must be a whole number/],
    [{ retrievedPerExample: 0.5 }, RangeError, /retrievedPerExample must be a whole number/],
    [{ index: 3 }, TypeError, /index must be an object/],
    [{ index: { tables: 0 } }, RangeError, /index.tables must be a whole number from 1 to 4096, got 0/],
    [{ index: { hashesPerTable: 65 } }, RangeError, /index.hashesPerTable must be a whole number from 1 to 64, got 65/],
    [{ index: { rehashEvery: 0.5 } }, RangeError, /index.rehashEvery must be a whole number/],
    [{ index: { augment: 1 } }, TypeError, /index.augment must be true or false/],
    [{ index: { bucketLimit: 0 } }, RangeError, /index.bucketLimit must be a whole number/],
    [{ sampled: 1.5 }, RangeError, /sampled must be a whole number/],
    [{ sampledShare: 1.5 }, RangeError, /sampledShare must be at least 0 and at most 1, got 1.5/],
    [{ ratePower: -1 }, RangeError, /ratePower must be at least 0/],
    [{ minibatchTargets: 1 }, TypeError, /minibatchTargets must be true or false/],
    [{ counts: new Float64Array(49) }, RangeError, /counts must have length numClasses = 50, got 49/],
    [{ counts: new Float64Array(50).fill(Number.NaN) }, RangeError, /counts must be at least 0 and finite, got NaN/],
    [{ loss: { name: 'softmax' } }, TypeError, /loss is fixed by this head/],
  ])('%j is refused', (changes, type, message) => {
    const make = () => new BulkSoftmaxHead({ ...shape, ...changes } as never)
    expect(make).toThrow(type)
    expect(make).toThrow(message)
  })
})
