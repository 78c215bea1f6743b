// The judge is judged: gradients by finite differences, products by the plain triple loop, and by hand where a hand suffices.

import { describe, expect, test } from 'vitest'
import type { Targets } from '../../lib/index.js'
import { Float64Head, relativeError } from '../judge/float64-head.js'
import { LOSS_CASES } from '../judge/losses.js'
import { backward, outputs, weightGradient } from '../judge/products.js'
import { Random } from '../judge/random.js'
import { largestEigenvalue, Stream, TARGET_KINDS } from '../judge/stream.js'

const D = 23
const d = 5
const STEP = 1e-5

/** (f(x + STEP) - f(x - STEP)) / (2 STEP) for each element of x, which is left as it was. */
function differences(x: Float64Array, f: () => number): Float64Array {
  return x.map((value, i) => {
    x[i] = value + STEP
    const above = f()
    x[i] = value - STEP
    const below = f()
    x[i] = value
    return (above - below) / (2 * STEP)
  })
}

describe.each(LOSS_CASES)('gradients of $name', ({ dense }) => {
  test('for the outputs', () => {
    const random = new Random(1)
    const o = random.normals(D)
    const y = new Float64Array(D)
    const listed = new Uint8Array(D)
    for (const i of [3, 17, 4, 22]) {
      y[i] = random.between(0.3, 1.5)
      listed[i] = 1
    }
    const gradient = new Float64Array(D).fill(Number.NaN)
    dense(o, y, listed, gradient)
    const ignored = new Float64Array(D)
    expect(
      relativeError(
        gradient,
        differences(o, () => dense(o, y, listed, ignored)),
      ),
    ).toBeLessThan(1e-8)
  })

  test.each(TARGET_KINDS)('for hidden vectors and weights, %s', (targets) => {
    const batch = new Stream({ numClasses: D, hiddenSize: d, batchSize: 6, seed: 2, targets }).next()
    const weights = new Random(3).normals(D * d, 0.7)
    const biases = new Random(4).normals(D, 0.7)
    const judge = new Float64Head({ numClasses: D, hiddenSize: d, loss: dense, bias: true, weights, biases })
    const hidden = Float64Array.from(batch.hidden)
    const { result, gradient } = judge.gradients(hidden, batch.targets)
    const loss = () => judge.evaluate(hidden, batch.targets).loss
    expect(relativeError(result.dHidden, differences(hidden, loss))).toBeLessThan(1e-7)
    expect(relativeError(gradient, differences(judge.weights, loss))).toBeLessThan(1e-7)
  })
})

test('duplicates of a class add up before the loss', () => {
  const hidden = new Float32Array([1, 2, -1])
  const targetsOf = (indices: number[], values: number[]): Targets => {
    return {
      indptr: Int32Array.of(0, indices.length),
      indices: Int32Array.from(indices),
      values: Float32Array.from(values),
    }
  }
  for (const { dense } of LOSS_CASES) {
    const weights = new Random(5).normals(D * 3)
    const judge = new Float64Head({ numClasses: D, hiddenSize: 3, loss: dense, weights })
    const apart = judge.evaluate(hidden, targetsOf([4, 2, 4], [0.5, 1, 0.25]))
    const summed = judge.evaluate(hidden, targetsOf([2, 4], [1, 0.75]))
    expect(apart.loss).toBeCloseTo(summed.loss, 12)
  }
})

test('products are those of the plain loops', () => {
  const [m, rows, width] = [7, 11, 5]
  const random = new Random(6)
  const x = random.normals(m * width)
  const w = random.normals(rows * width)
  const g = random.normals(m * rows)
  const o = new Float64Array(m * rows)
  const dx = new Float64Array(m * width)
  const dw = new Float64Array(rows * width)
  for (let j = 0; j < m; j++) {
    for (let i = 0; i < rows; i++) {
      for (let k = 0; k < width; k++) {
        o[j * rows + i] += x[j * width + k] * w[i * width + k]
        dx[j * width + k] += g[j * rows + i] * w[i * width + k]
        dw[i * width + k] += g[j * rows + i] * x[j * width + k]
      }
    }
  }
  const out = new Float64Array(m * rows).fill(Number.NaN)
  outputs(out, x, w, m, rows, width)
  expect(relativeError(out, o)).toBeLessThan(1e-14)
  const outX = new Float64Array(m * width).fill(Number.NaN)
  backward(outX, g, w, m, rows, width)
  expect(relativeError(outX, dx)).toBeLessThan(1e-14)
  const outW = new Float64Array(rows * width).fill(Number.NaN)
  weightGradient(outW, g, x, m, rows, width)
  expect(relativeError(outW, dw)).toBeLessThan(1e-14)
})

test('a step by hand: squared error, one example, weight decay and clipping', () => {
  const create = () => {
    const loss = LOSS_CASES[0].dense
    return new Float64Head({ numClasses: 2, hiddenSize: 1, loss, bias: true, weights: [1, -1], biases: [0.5, 0] })
  }
  // o = [2.5, -2], y = [0, 1]: loss = 6.25 + 9, dLoss/do = [5, -6], dHidden = 5 + 6, G = [[10, 5], [-12, -6]]
  const gradNorm = Math.hypot(10, 5, 12, 6)
  const judge = create()
  const result = judge.step([2], Int32Array.of(1), { learningRate: 0.1, weightDecay: 0.5 })
  expect(result).toEqual({
    loss: 15.25,
    losses: Float64Array.of(15.25),
    dHidden: Float64Array.of(11),
    gradNorm: expect.closeTo(gradNorm, 12),
  })
  expect([...judge.weights]).toEqual([0.95 - 1, 0.475 - 0.5, -0.95 + 1.2, 0.6].map((x) => expect.closeTo(x, 14)))
  const clipped = create()
  clipped.step([2], Int32Array.of(1), { learningRate: 0.1, clipNorm: gradNorm / 4 })
  expect([...clipped.weights]).toEqual([0.75, 0.375, -0.7, 0.15].map((x) => expect.closeTo(x, 14)))
})

test('the largest eigenvalue of a known matrix', () => {
  // Orthogonal vectors of lengths 3 and 2, weighted 1 and 2: eigenvalues 9 and 8.
  const hidden = [3 * 0.6, 3 * 0.8, 2 * 0.8, -2 * 0.6]
  expect(largestEigenvalue(hidden, 2, (j) => j + 1)).toBeCloseTo(9, 10)
})
