// What a custom loss is handed, and that a loss written by hand is the loss that is built in.

import { describe, expect, test } from 'vitest'
import {
  type CustomLossFunction,
  customLoss,
  DenseHead,
  ExactHead,
  type HeadOptions,
  type Loss,
  type LossBatch,
  squaredError,
  taylorSoftmax,
} from '../../lib/index.js'
import { range } from '../judge/compare.js'
import { squaredErrorByHand, taylorSoftmaxByHand } from '../judge/custom-losses.js'
import { Float64Head, relativeError } from '../judge/float64-head.js'
import { lossCase } from '../judge/losses.js'
import { Random } from '../judge/random.js'
import { Stream, TARGET_KINDS } from '../judge/stream.js'

const HEADS = [
  { name: 'ExactHead', create: (options: HeadOptions) => new ExactHead(options) },
  { name: 'DenseHead', create: (options: HeadOptions) => new DenseHead(options) },
]
const [numClasses, hiddenSize] = [200, 10]
const weights = Float32Array.from(new Random(41).normals(numClasses * hiddenSize, 0.3))
const init = { kind: 'weights' as const, weights }

describe.each(HEADS)('$name', ({ create }) => {
  const headWith = (loss: Loss) => create({ numClasses, hiddenSize, loss, init })

  test('a batch: q, s, a and values of merged targets; zeros to fill; one call a minibatch', () => {
    const batches: LossBatch[] = []
    const head = headWith(
      customLoss((batch) => {
        const { q, s, a, indptr, values, losses, gq, gs, ga } = batch
        batches.push({
          ...batch,
          ...{ q: q.slice(), s: s.slice(), a: a.slice(), indptr: indptr.slice(), values: values.slice() },
          ...{ losses: losses.slice(), gq: gq.slice(), gs: gs.slice(), ga: ga.slice() },
        })
        squaredErrorByHand(batch)
      }),
    )
    const hidden = new Stream({ numClasses, hiddenSize, batchSize: 3, seed: 42 }).next().hidden
    const targets = {
      indptr: Int32Array.of(0, 3, 3, 5),
      indices: Int32Array.of(7, 3, 7, 150, 3),
      values: Float32Array.of(0.5, 2, 0.25, 3, 4),
    }
    head.evaluate(hidden, targets)
    head.step(hidden, targets, { learningRate: 0.01 })
    head.forward(hidden, targets)
    expect(batches.length).toBe(3)
    const judge = new Float64Head({ numClasses, hiddenSize, loss: lossCase('squared error').dense, weights })
    const o = judge.logits(hidden, range(0, numClasses))
    for (const batch of batches.slice(0, 2)) {
      expect(batch.numClasses).toBe(numClasses)
      expect(batch.indptr).toEqual(Uint32Array.of(0, 2, 2, 4))
      for (let j = 0; j < 3; j++) {
        const own = o.subarray(j * numClasses, (j + 1) * numClasses)
        expect(batch.q[j] / own.reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(1, 5)
        expect(batch.s[j]).toBeCloseTo(
          own.reduce((sum, x) => sum + x, 0),
          4,
        )
      }
      const classOf = new Map([
        [0.75, 7],
        [2, 3],
        [3, 150],
        [4, 3],
      ])
      expect([...batch.values.subarray(0, 2)].sort()).toEqual([0.75, 2])
      expect([...batch.values.subarray(2)].sort()).toEqual([3, 4])
      batch.a.forEach((a, k) => {
        expect(a).toBeCloseTo(o[(k < 2 ? 0 : 2) * numClasses + (classOf.get(batch.values[k]) ?? -1)], 5)
      })
      for (const toFill of [batch.losses, batch.gq, batch.gs]) expect(toFill).toEqual(new Float64Array(3))
      expect(batch.ga).toEqual(new Float64Array(4))
    }
    head.close()
  })

  test.each([
    { name: 'squared error', byHand: squaredErrorByHand as CustomLossFunction, builtIn: squaredError() },
    { name: 'Taylor softmax', byHand: taylorSoftmaxByHand, builtIn: taylorSoftmax() },
  ])('$name by hand is the one that is built in', ({ byHand, builtIn }) => {
    for (const targets of TARGET_KINDS) {
      const [a, b] = [headWith(customLoss(byHand)), headWith(builtIn)]
      const stream = new Stream({ numClasses, hiddenSize, batchSize: 9, seed: 43, targets })
      for (let t = 0; t < 50; t++) {
        const batch = stream.next()
        const fromA = a.step(batch.hidden, batch.targets, { learningRate: 0.02 })
        const fromB = b.step(batch.hidden, batch.targets, { learningRate: 0.02 })
        expect(relativeError([fromA.loss, fromA.gradNorm], [fromB.loss, fromB.gradNorm])).toBeLessThan(1e-6)
        expect(relativeError(fromA.dHidden, fromB.dHidden)).toBeLessThan(2e-6)
      }
      const classes = range(0, numClasses)
      expect(relativeError(a.rows(classes), b.rows(classes))).toBeLessThan(1e-6)
      a.close()
      b.close()
    }
  })

  test('a custom loss works in stepAsync too', async () => {
    const [a, b] = [headWith(customLoss(squaredErrorByHand)), headWith(customLoss(squaredErrorByHand))]
    const { hidden, targets } = new Stream({ numClasses, hiddenSize, batchSize: 4, seed: 44 }).next()
    const result = await a.stepAsync(hidden, targets, { learningRate: 0.02 })
    expect(result).toEqual(b.step(hidden, targets, { learningRate: 0.02 }))
    a.close()
    b.close()
  })
})
