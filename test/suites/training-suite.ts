import { describe, expect, test } from 'vitest'
import type { Head, Targets } from '../../lib/index.js'
import { Float64Head, relativeError } from '../judge/float64-head.js'
import type { LossCase } from '../judge/losses.js'
import { Random } from '../judge/random.js'
import { Stream, TARGET_KINDS } from '../judge/stream.js'
import type { CreateHead } from './head-suite.js'
import { batches, size, smallHead, train, weightsOf } from './helpers.js'
import type { Plan } from './plan.js'

/** A head and the judge with the same weights. */
function pair(create: CreateHead, { loss, dense, start }: LossCase, bias: boolean): { head: Head; judge: Float64Head } {
  const random = new Random(7)
  const scale = start / Math.sqrt(size.hiddenSize)
  const weights = Float32Array.from(random.normals(size.numClasses * size.hiddenSize, scale))
  const biases = Float32Array.from(random.normals(size.numClasses, scale))
  return {
    head: create({ ...size, loss, bias, init: { kind: 'weights', weights, ...(bias ? { biases } : {}) } }),
    judge: new Float64Head({ ...size, loss: dense, bias, weights, biases }),
  }
}

function truth(judge: Float64Head, head: Head): Float64Array {
  const all = Int32Array.from({ length: size.numClasses }, (_, i) => i)
  return Float64Array.from([...judge.rows(all), ...judge.biases(all)].slice(0, weightsOf(head).length))
}

export function trainingSuite(create: CreateHead, { cases, estimates, otherModel }: Plan): void {
  describe.skipIf(estimates || otherModel).each(cases)('$name', (lossCase) => {
    test.each(TARGET_KINDS)('%s: losses, dHidden, gradNorm and weights are the judge’s', (targets) => {
      for (const bias of [false, true]) {
        const { head, judge } = pair(create, lossCase, bias)
        const stream = new Stream({ ...size, batchSize: 7, seed: 3, targets })
        for (let t = 0; t < 6; t++) {
          const batch = stream.next()
          const evaluation = head.evaluate(batch.hidden, batch.targets)
          const expected = judge.evaluate(batch.hidden, batch.targets)
          expect(relativeError(evaluation.losses, expected.losses)).toBeLessThan(2e-6)
          const options = { learningRate: 0.01, weightDecay: 0.1, clipNorm: t % 2 === 0 ? 2 : 1e9 }
          const result = head.step(batch.hidden, batch.targets, options)
          const right = judge.step(batch.hidden, batch.targets, options)
          expect(relativeError([evaluation.loss, result.loss], [right.loss, right.loss])).toBeLessThan(2e-6)
          expect(relativeError(result.dHidden, right.dHidden)).toBeLessThan(3e-6)
          expect(relativeError([result.gradNorm], [right.gradNorm])).toBeLessThan(3e-6)
        }
        expect(relativeError(weightsOf(head), truth(judge, head))).toBeLessThan(1e-6)
        head.close()
      }
    })
  })

  test('Uint32Array and Int32Array targets are alike', () => {
    const indptr = [0, 2, 5]
    const indices = [3, 149, 7, 7, 0]
    const hidden = batches(1)[0].hidden.slice(0, 2 * size.hiddenSize)
    const forms: Targets[] = [
      { indptr: Int32Array.from(indptr), indices: Int32Array.from(indices) },
      { indptr: Uint32Array.from(indptr), indices: Uint32Array.from(indices) },
      { indptr: Uint32Array.from(indptr), indices: Int32Array.from(indices), values: new Float32Array(5).fill(1) },
    ]
    const results = forms.map((targets) => smallHead(create).step(hidden, targets, { learningRate: 0.01 }))
    expect(results[1]).toEqual(results[0])
    expect(results[2]).toEqual(results[0])
    const single = [Int32Array.of(3, 149), Uint32Array.of(3, 149)].map((targets) => {
      return smallHead(create).step(hidden, targets, { learningRate: 0.01 })
    })
    expect(single[1]).toEqual(single[0])
  })

  test('a learning rate of 0 changes nothing', () => {
    const head = smallHead(create)
    const before = weightsOf(head)
    const { hidden, targets } = batches(1)[0]
    const first = head.step(hidden, targets, { learningRate: 0 })
    expect(weightsOf(head)).toEqual(before)
    const second = head.step(hidden, targets, { learningRate: 0, weightDecay: 5 })
    if (!estimates) expect(second).toEqual(first)
    expect(weightsOf(head)).toEqual(before)
  })

  test('inputs are left as they were, results are the caller’s own', () => {
    const head = smallHead(create)
    const [one, two] = batches(2)
    const copy = structuredClone(one)
    const first = head.step(one.hidden, one.targets, { learningRate: 0.03 })
    const kept = structuredClone(first)
    train(head, [two])
    expect(one).toEqual(copy)
    expect(first).toEqual(kept)
  })

  test.skipIf(estimates || otherModel)('minibatches of different sizes in turn', () => {
    const { loss, dense } = cases[0]
    const head = create({ ...size, loss, init: { kind: 'zeros' } })
    const judge = new Float64Head({ ...size, loss: dense })
    for (const batchSize of [3, 40, 1, 12, 13, 100, 2]) {
      const [{ hidden, targets }] = batches(1, { batchSize, seed: batchSize })
      const result = head.step(hidden, targets, { learningRate: 0.02 })
      expect(result.dHidden.length).toBe(hidden.length)
      expect(relativeError(result.dHidden, judge.step(hidden, targets, { learningRate: 0.02 }).dHidden)).toBeLessThan(
        3e-6,
      )
    }
    expect(relativeError(weightsOf(head), truth(judge, head))).toBeLessThan(1e-6)
  })

  test('one class, one feature: the smallest head there is', () => {
    const { loss } = cases[0]
    const head = create({ numClasses: 1, hiddenSize: 1, loss, init: { kind: 'zeros' } })
    const result = head.step(Float32Array.of(3), Int32Array.of(0), { learningRate: 0.1 })
    const row = head.rows(Int32Array.of(0))[0]
    if (loss.name === 'squared-error') {
      // o = 0, y = 1: loss 1, dLoss/do = -2, W = 0.1 * 2 * 3
      expect(result).toEqual({ loss: 1, dHidden: new Float32Array(1), gradNorm: 6 })
      expect(row).toBeCloseTo(0.6, 6)
    } else {
      // The one class has the probability 1, whatever its output.
      expect(result).toEqual({ loss: 0, dHidden: new Float32Array(1), gradNorm: 0 })
      expect(row).toBe(0)
    }
  })

  test('the loss falls', () => {
    for (const { loss, pace } of cases) {
      const head = create({ ...size, loss, bias: true })
      const [{ hidden, targets }] = batches(1, { targets: 'one target' })
      const before = head.evaluate(hidden, targets).loss
      const mean = hidden.reduce((sum, x) => sum + x * x, 8) / 8
      for (let t = 0; t < 50; t++) head.step(hidden, targets, { learningRate: pace / mean })
      expect(head.evaluate(hidden, targets).loss).toBeLessThan(before)
    }
  })
}
