import { describe, expect, test } from 'vitest'
import type { Head } from '../../lib/index.js'
import { range } from '../judge/compare.js'
import { denseSquaredError } from '../judge/dense-losses.js'
import { Float64Head, relativeError } from '../judge/float64-head.js'
import { Random } from '../judge/random.js'
import type { CreateHead } from './head-suite.js'
import { batches, randomInit, size, smallHead, train } from './helpers.js'
import type { Plan } from './plan.js'

/** The judge with the weights the head has now. */
function judgeOf(head: Head): Float64Head {
  const all = range(0, head.numClasses)
  const { numClasses, hiddenSize, bias } = head
  const ranking = head.loss.ranking
  const weights = head.rows(all)
  const biases = head.biases(all)
  return new Float64Head({ numClasses, hiddenSize, bias, ranking, loss: denseSquaredError(), weights, biases })
}

export function readingSuite(create: CreateHead, { cases, rankings, otherModel }: Plan): void {
  const [{ loss: first }] = cases

  test('properties', () => {
    const { loss } = cases[cases.length - 1]
    const head = create({ numClasses: 5, hiddenSize: 3, loss })
    expect(head).toMatchObject({ numClasses: 5, hiddenSize: 3, bias: false, closed: false })
    expect(head.loss).toBe(loss)
    expect(create({ numClasses: 5, hiddenSize: 3, loss, bias: true }).bias).toBe(true)
  })

  test.skipIf(otherModel).each([false, true])('logits are the judge’s, in the order asked for, bias %s', (bias) => {
    const head = smallHead(create, { bias })
    train(head, batches(60))
    const [{ hidden }] = batches(1, { seed: 8 })
    for (const classes of [
      Int32Array.of(149, 0, 7, 0),
      range(0, size.numClasses),
      Int32Array.of(3),
      new Int32Array(0),
    ]) {
      const logits = head.logits(hidden, classes)
      expect(logits).toBeInstanceOf(Float32Array)
      expect(relativeError(logits, judgeOf(head).logits(hidden, classes))).toBeLessThan(2e-6)
    }
  })

  test.skipIf(otherModel).each([1, 10, 149, 150])('the best %i of 150 classes', (k) => {
    for (const { loss } of rankings) {
      const head = smallHead(create, { loss })
      train(head, batches(60))
      const [{ hidden }] = batches(1, { seed: 8, batchSize: 13 })
      const { classes, logits } = head.topK(hidden, k)
      const judge = judgeOf(head)
      const ranked = judge.ranked(hidden)
      const o = judge.logits(hidden, range(0, size.numClasses))
      const scoreOf = (x: number) => (loss.ranking === 'square' ? x * x : x)
      for (let j = 0; j < 13; j++) {
        const own = classes.subarray(j * k, (j + 1) * k)
        expect(new Set(own).size).toBe(k)
        const scores = [...own].map((c) => scoreOf(o[j * size.numClasses + c]))
        const best = [...ranked.subarray(j * size.numClasses, j * size.numClasses + k)].map((c) => {
          return scoreOf(o[j * size.numClasses + c])
        })
        scores.forEach((score, n) => {
          expect(score).toBeCloseTo(best[n], 5)
        })
        const shown = logits.subarray(j * k, (j + 1) * k)
        expect(
          relativeError(
            shown,
            [...own].map((c) => o[j * size.numClasses + c]),
          ),
        ).toBeLessThan(2e-6)
      }
    }
  })

  describe.skipIf(otherModel).each(rankings)('ranked for $name', ({ loss, dense }) => {
    // Small whole numbers are exact in float32: of 3,000 classes there are many ties, and just one right answer.
    test.each([1, 7, 100, 1000, 3000])('ties go to the lower id, the best %i of 3,000', (k) => {
      const [numClasses, hiddenSize] = [3000, 5]
      const random = new Random(10)
      const weights = Float32Array.from({ length: numClasses * hiddenSize }, () => random.below(5) - 2)
      const biases = Float32Array.from({ length: numClasses }, () => random.below(3) - 1)
      const head = create({ numClasses, hiddenSize, loss, bias: true, init: { kind: 'weights', weights, biases } })
      const judge = new Float64Head({
        numClasses,
        hiddenSize,
        loss: dense,
        ranking: loss.ranking,
        bias: true,
        weights,
        biases,
      })
      const hidden = Float32Array.from({ length: 9 * hiddenSize }, () => random.below(7) - 3)
      const ranked = judge.ranked(hidden)
      const { classes, logits } = head.topK(hidden, k)
      for (let j = 0; j < 9; j++) {
        const right = ranked.slice(j * numClasses, j * numClasses + k)
        expect(classes.slice(j * k, (j + 1) * k)).toEqual(right)
        const outputs = judge.logits(hidden.slice(j * hiddenSize, (j + 1) * hiddenSize), right)
        expect(logits.slice(j * k, (j + 1) * k)).toEqual(Float32Array.from(outputs))
      }
    })
  })

  test.skipIf(otherModel)('all outputs equal: the first k classes', () => {
    const head = create({ ...size, loss: first, init: { kind: 'zeros' } })
    const { classes, logits } = head.topK(new Float32Array(2 * size.hiddenSize).fill(1), 4)
    expect(classes).toEqual(Int32Array.of(0, 1, 2, 3, 0, 1, 2, 3))
    expect(logits).toEqual(new Float32Array(8))
  })

  test('rows and biases are the starting weights, in the order asked for, without rounding', () => {
    const init = randomInit(11, true)
    if (init?.kind !== 'weights') throw new Error('weights expected')
    const head = create({ ...size, loss: first, bias: true, init })
    const classes = Int32Array.of(149, 0, 149, 60)
    const rows = [...classes].flatMap((c) => [...init.weights.subarray(c * size.hiddenSize, (c + 1) * size.hiddenSize)])
    expect(head.rows(classes)).toEqual(Float32Array.from(rows))
    expect(head.biases(classes)).toEqual(Float32Array.from(classes, (c) => init.biases?.[c] ?? Number.NaN))
    expect(head.rows(new Int32Array(0))).toEqual(new Float32Array(0))
    expect(smallHead(create, { bias: false }).biases(classes)).toEqual(new Float32Array(4))
  })

  test('starting weights are copied', () => {
    const init = randomInit(12)
    if (init?.kind !== 'weights') throw new Error('weights expected')
    const head = create({ ...size, loss: first, init })
    const before = head.rows(range(0, size.numClasses))
    init.weights.fill(7)
    expect(head.rows(range(0, size.numClasses))).toEqual(before)
  })
}
