// Which classes the bulk softmax computes one by one beside targets and the shortlist: found by an index, or drawn.

import { describe, expect, test } from 'vitest'
import { type BulkIndexOptions, BulkSoftmaxHead, SampledSoftmaxHead, SoftmaxHead } from '../../lib/index.js'
import { range } from '../judge/compare.js'
import { relativeError } from '../judge/float64-head.js'
import { Random } from '../judge/random.js'
import { Stream } from '../judge/stream.js'
import { expectSameSteps } from './same-steps.js'

const [numClasses, hiddenSize, batchSize] = [400, 16, 12]
const counts = Float64Array.from({ length: numClasses }, (_, i) => 1000 / (i + 1))

function randomWeights(seed: number, scale: number, D = numClasses, d = hiddenSize): Float32Array {
  return Float32Array.from(new Random(seed).normals(D * d, scale))
}

const init = { kind: 'weights' as const, weights: randomWeights(11, 0.3) }
const common = { numClasses, hiddenSize, bias: true, init }

describe('what is retrieved', () => {
  const shape = { numClasses: 3000, hiddenSize: 16, bias: true, sampled: 0 }
  const batchesOf = (seed: number) => new Stream({ numClasses: 3000, hiddenSize: 16, batchSize, seed })

  function trained(retrieved: number, index?: BulkIndexOptions): BulkSoftmaxHead {
    const init = { kind: 'normal' as const, scale: 0.1 }
    const head = new BulkSoftmaxHead({ ...shape, init, shortlist: 10, retrieved, index })
    const stream = batchesOf(20)
    for (let t = 0; t < 300; t++) {
      const { hidden, targets } = stream.next()
      head.step(hidden, targets, { learningRate: 1 })
    }
    return head
  }

  test('brings the loss nearer to the full softmax, and its gradients are those of finite differences', () => {
    const head = trained(200)
    const { hidden, targets } = batchesOf(21).next()
    const init = { kind: 'weights' as const, weights: head.rows(range(0, 3000)), biases: head.biases(range(0, 3000)) }
    const without = new BulkSoftmaxHead({ ...shape, init, shortlist: 10 })
    const full = head.evaluate(hidden, targets, { exact: true })
    const error = (losses: Float64Array) => relativeError(losses, full.losses)
    const own = new BulkSoftmaxHead({ ...shape, init, shortlist: 10, retrievedPerExample: 20 })
    const [found, foundAlone, none] = [head, own, without].map((each) => error(each.evaluate(hidden, targets).losses))
    expect(found).toBeLessThan(0.7 * none)
    expect(foundAlone).toBeLessThan(0.7 * none)
    const { dHidden } = head.forward(hidden, targets)
    const step = 2 ** -8 // so small that what is found stays the same
    for (const i of [0, 5, 40, 100]) {
      const at = (change: number) => head.evaluate(hidden.with(i, hidden[i] + change), targets).loss
      expect(Math.abs((at(step) - at(-step)) / (2 * step) - dHidden[i])).toBeLessThan(2e-3)
    }
  })

  test.each<BulkIndexOptions>([
    { tables: 4 },
    { hashesPerTable: 3 },
    { rehashEvery: 7 },
    { bucketLimit: 1 },
    { augment: true },
  ])('depends on the index: %o', (index) => {
    const rows = (head: BulkSoftmaxHead) => head.rows(range(0, 3000))
    expect(rows(trained(100, index))).not.toEqual(rows(trained(100)))
  })

  test('is the same for the same steps', () => {
    const [a, b] = [trained(100), trained(100)]
    expect(a.rows(range(0, 3000))).toEqual(b.rows(range(0, 3000)))
  })
})

describe('what is retrieved for an example alone', () => {
  // One sign a table puts half of the classes into each bucket: of so many, an example's miss none, not even the opposite of it.
  const findsAll = { tables: 512, hashesPerTable: 1, rehashEvery: 1, bucketLimit: numClasses }

  test.each([{ minibatchTargets: true }, { minibatchTargets: false }, { minibatchTargets: false, shortlist: 0 }])(
    'is counted once beside targets, the shortlist and what is drawn: of all classes the full softmax, %o',
    (some) => {
      const own = { sampled: 40, counts, retrievedPerExample: 2 ** 31 - 1, index: findsAll, ratePower: 0 }
      const bulk = new BulkSoftmaxHead({ ...common, shortlist: 10, ...own, ...some })
      const full = new SoftmaxHead({ ...common, optimizer: { kind: 'sgd' } })
      const stream = new Stream({ numClasses, hiddenSize, batchSize, seed: 12 })
      const options = { learningRate: 0.5 }
      expectSameSteps([bulk, full], { stream, steps: 30, options }, { numbers: 5e-6, dHidden: 1e-5, rows: 1e-5 })
    },
  )
})

describe('what is drawn', () => {
  test('of as many classes as are left is all of them: SoftmaxHead', () => {
    const bulk = new BulkSoftmaxHead({ ...common, shortlist: 20, sampled: 400, ratePower: 0 })
    const full = new SoftmaxHead(common)
    const stream = new Stream({ numClasses, hiddenSize, batchSize, seed: 14 })
    const { hidden, targets } = stream.next()
    expect(relativeError(bulk.evaluate(hidden, targets).losses, full.evaluate(hidden, targets).losses)).toBeLessThan(
      5e-6,
    )
    expectSameSteps([bulk, full], { stream, steps: 30, options: { learningRate: 0.3 } }, { numbers: 5e-6, rows: 5e-6 })
  })

  test('as all of the bulk, without a shortlist, makes it SampledSoftmaxHead', () => {
    const draws = { ...common, counts, seed: 4 }
    const bulk = new BulkSoftmaxHead({ ...draws, shortlist: 0, sampled: 60, sampledShare: 1 })
    const sampled = new SampledSoftmaxHead({ ...draws, samples: 60 })
    const stream = new Stream({ numClasses, hiddenSize, batchSize, seed: 12, targets: 'several unsorted' })
    const options = { learningRate: 0.3, clipNorm: 2 }
    expectSameSteps([bulk, sampled], { stream, steps: 50, options }, { numbers: 3e-6, dHidden: 5e-6, rows: 3e-6 })
  })

  test('has gradients that are those of finite differences, and leaves evaluate as it is', () => {
    const init = { kind: 'normal' as const, scale: 0.7 }
    const make = (sampled: number) =>
      new BulkSoftmaxHead({
        numClasses,
        hiddenSize: 4,
        bias: true,
        init,
        counts,
        shortlist: 20,
        sampled,
        sampledShare: 0.4,
      })
    const head = make(50)
    const hidden = randomWeights(13, 1, 3, 4)
    const targets = Int32Array.of(0, 399, 30)
    const { dHidden, loss } = head.forward(hidden, targets)
    const step = 2 ** -7
    for (let i = 0; i < hidden.length; i++) {
      const at = (change: number) => head.forward(hidden.with(i, hidden[i] + change), targets).loss
      const slope = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)
      expect(Math.abs(slope - dHidden[i])).toBeLessThan(1e-4)
    }
    const plain = make(0)
    expect(head.evaluate(hidden, targets)).toEqual(plain.evaluate(hidden, targets))
    expect(loss).not.toBe(plain.forward(hidden, targets).loss)
  })
})
