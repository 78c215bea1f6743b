// drift() and refresh(): what the head says about its own Q and wbar, against what they are.
//
// Q and wbar can be seen from outside: a custom loss is handed q = h^T Q h and s = wbar . h of any hidden vector h.

import { describe, expect, test } from 'vitest'
import { customLoss, ExactHead, type LossBatch, type Targets } from '../../lib/index.js'
import { expectExact, Race, range } from '../judge/compare.js'
import { squaredErrorByHand, taylorSoftmaxByHand } from '../judge/custom-losses.js'
import { relativeError } from '../judge/float64-head.js'
import { lossCase } from '../judge/losses.js'
import { Random } from '../judge/random.js'
import { Stream } from '../judge/stream.js'

const [numClasses, hiddenSize, batchSize] = [500, 12, 16]
const d = hiddenSize
/** What float32 working copies and float32 rows may differ by at best. */
const ROUNDING = 2e-7

function noTargets(m: number): Targets {
  return { indptr: new Int32Array(m + 1), indices: new Int32Array(0) }
}

/** A head whose loss keeps the q and s it was last handed. */
class GlassHead {
  readonly head: ExactHead
  private seen: { q: Float64Array; s: Float64Array } = { q: new Float64Array(0), s: new Float64Array(0) }

  constructor(compute: (batch: LossBatch) => void, scale: number) {
    const loss = customLoss((batch) => {
      this.seen = { q: batch.q.slice(), s: batch.s.slice() }
      compute(batch)
    })
    const weights = Float32Array.from(new Random(20).normals(numClasses * d, scale))
    this.head = new ExactHead({ numClasses, hiddenSize, loss, init: { kind: 'weights', weights } })
  }

  /** Q by polarisation, d x d: ((e_i + e_k)^T Q (e_i + e_k) - (e_i - e_k)^T Q (e_i - e_k)) / 4. */
  seenQ(): Float64Array {
    const hidden = new Float32Array(2 * d * d * d)
    for (let i = 0; i < d; i++) {
      for (let k = 0; k < d; k++) {
        const plus = 2 * (i * d + k) * d
        hidden[plus + i] += 1
        hidden[plus + k] += 1
        hidden[plus + d + i] += 1
        hidden[plus + d + k] -= 1
      }
    }
    this.head.evaluate(hidden, noTargets(2 * d * d))
    return Float64Array.from({ length: d * d }, (_, n) => (this.seen.q[2 * n] - this.seen.q[2 * n + 1]) / 4)
  }

  seenWbar(): Float64Array {
    const hidden = new Float32Array(d * d)
    for (let i = 0; i < d; i++) hidden[i * d + i] = 1
    this.head.evaluate(hidden, noTargets(d))
    return this.seen.s
  }

  /** Relative errors of Q and wbar against W^T W and the column sums of W, in float64. */
  truth(): { Q: number; wbar: number } {
    const w = this.head.rows(range(0, numClasses))
    const Q = new Float64Array(d * d)
    const wbar = new Float64Array(d)
    for (let r = 0; r < numClasses; r++) {
      for (let i = 0; i < d; i++) {
        wbar[i] += w[r * d + i]
        for (let k = 0; k < d; k++) Q[i * d + k] += w[r * d + i] * w[r * d + k]
      }
    }
    return { Q: relativeError(this.seenQ(), Q), wbar: relativeError(this.seenWbar(), wbar) }
  }
}

describe.each([
  { name: 'squared error', compute: squaredErrorByHand, learningRate: 0.02, scale: 0.1, steps: 2000 },
  { name: 'Taylor softmax', compute: taylorSoftmaxByHand, learningRate: 0.1, scale: 0.3, steps: 4000 },
])('$name', ({ compute, learningRate, scale, steps }) => {
  test('drift() tells the truth, refresh() removes it', () => {
    const glass = new GlassHead(compute, scale)
    const { head } = glass
    const agree = () => {
      const told = head.drift()
      const truth = glass.truth()
      expect(Math.abs(told.Q - truth.Q), `told ${told.Q}, is ${truth.Q}`).toBeLessThan(0.3 * truth.Q + ROUNDING)
      expect(Math.abs(told.wbar - truth.wbar), `told ${told.wbar}, is ${truth.wbar}`).toBeLessThan(
        0.3 * truth.wbar + ROUNDING,
      )
      return told
    }
    agree()
    const stream = new Stream({ numClasses, hiddenSize, batchSize, seed: 21 })
    for (let t = 0; t < steps; t++) {
      const { hidden, targets } = stream.next()
      head.step(hidden, targets, { learningRate })
      if (t === steps / 4) agree()
    }
    const before = agree()
    expect(before.Q).toBeLessThan(1e-5)
    expect(before.wbar).toBeLessThan(1e-5)
    expect(before.inverse).toBeGreaterThanOrEqual(0)
    expect(before.inverse).toBeLessThan(1e-4)
    const rows = head.rows(range(0, numClasses))
    head.refresh()
    const after = agree()
    for (const error of [after.Q, after.wbar, after.inverse]) expect(error).toBeLessThan(5e-7)
    expect(relativeError(head.rows(range(0, numClasses)), rows)).toBeLessThan(3e-7)
    head.close()
  })
})

test('drift() changes nothing', () => {
  const stream = new Stream({ numClasses, hiddenSize, batchSize, seed: 22 })
  const heads = [0, 1].map(() => new GlassHead(squaredErrorByHand, 0.1).head)
  for (let t = 0; t < 200; t++) {
    const { hidden, targets } = stream.next()
    const [a, b] = heads.map((head) => head.step(hidden, targets, { learningRate: 0.02 }))
    expect(a).toEqual(b)
    if (t % 20 === 0) heads[0].drift()
  }
  const [a, b] = heads.map((head) => head.rows(range(0, numClasses)))
  expect(a).toEqual(b)
})

test('a head that is refreshed now and then stays within the bound', () => {
  const stream = { numClasses: 1000, hiddenSize: 32, batchSize, seed: 23 }
  for (const name of ['squared error', 'Z-loss']) {
    const race = new Race({ group: 'refresh', lossCase: lossCase(name), stream, bias: true })
    for (let round = 0; round < 5; round++) {
      const errors = race.run(80)
      expectExact(race, errors)
      race.exact.refresh()
    }
    race.close()
  }
})
