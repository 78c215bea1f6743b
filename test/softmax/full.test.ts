// The full softmax against float64 over 200 steps, its optimisers against their definitions, and blocks of classes.

import { describe, expect, test } from 'vitest'
import { type Optimizer, SoftmaxHead } from '../../lib/index.js'
import { meanEigenvalue, range } from '../judge/compare.js'
import { denseSoftmax } from '../judge/dense-losses.js'
import { Float64Head, relativeError } from '../judge/float64-head.js'
import { Random } from '../judge/random.js'
import { Stream, TARGET_KINDS } from '../judge/stream.js'

const [numClasses, hiddenSize, batchSize] = [400, 16, 12]

/** The root mean square of relative errors. */
class Mean {
  private sum = 0
  private count = 0
  add(error: number): void {
    this.sum += error * error
    this.count++
  }
  get value(): number {
    return Math.sqrt(this.sum / this.count)
  }
}

describe.each(TARGET_KINDS)('%s', (targets) => {
  test.each([false, true])('loss, dHidden, gradNorm and W are those of float64 after 200 steps, bias %s', (bias) => {
    const random = new Random(3)
    const weights = Float32Array.from(random.normals(numClasses * hiddenSize, 0.2))
    const head = new SoftmaxHead({ numClasses, hiddenSize, bias, init: { kind: 'weights', weights } })
    const judge = new Float64Head({ numClasses, hiddenSize, bias, weights, loss: denseSoftmax() })
    const stream = new Stream({ numClasses, hiddenSize, batchSize, seed: 5, targets })
    const errors = { loss: new Mean(), dHidden: new Mean(), gradNorm: new Mean() }
    for (let t = 0; t < 200; t++) {
      const batch = stream.next()
      const options = { learningRate: 0.5 / meanEigenvalue(batch.hidden, hiddenSize, bias), weightDecay: 0.01 }
      const result = head.step(batch.hidden, batch.targets, options)
      const right = judge.step(batch.hidden, batch.targets, options)
      errors.loss.add(relativeError([result.loss], [right.loss]))
      errors.dHidden.add(relativeError(result.dHidden, right.dHidden))
      errors.gradNorm.add(relativeError([result.gradNorm], [right.gradNorm]))
    }
    const all = range(0, numClasses)
    expect(relativeError(head.rows(all), judge.rows(all))).toBeLessThan(1e-5)
    for (const error of Object.values(errors)) expect(error.value).toBeLessThan(1e-5)
  })
})

/** One class's weights under an optimiser, in float64, as lib/optimizer.ts and its sources define it. */
function stepByHand(kind: Optimizer['kind'], state: Float64Array[], g: Float64Array, t: number, rate: number): void {
  const [w, first, second] = state
  for (let i = 0; i < w.length; i++) {
    if (kind === 'sgd') w[i] -= rate * g[i]
    if (kind === 'adagrad') {
      first[i] += g[i] ** 2
      w[i] -= (rate * g[i]) / (Math.sqrt(first[i]) + 1e-10)
    }
    if (kind === 'adam') {
      first[i] += 0.1 * (g[i] - first[i])
      second[i] += 0.001 * (g[i] ** 2 - second[i])
      w[i] -= (rate * (first[i] / (1 - 0.9 ** t))) / (Math.sqrt(second[i] / (1 - 0.999 ** t)) + 1e-8)
    }
  }
}

test.each<Optimizer>([{ kind: 'sgd' }, { kind: 'adagrad', rowwise: false }, { kind: 'adam' }])(
  '$kind with decoupled weight decay and clipping',
  (optimizer) => {
    const random = new Random(4)
    const weights = Float32Array.from(random.normals(50 * hiddenSize, 0.3))
    const head = new SoftmaxHead({ numClasses: 50, hiddenSize, optimizer, init: { kind: 'weights', weights } })
    const judge = new Float64Head({ numClasses: 50, hiddenSize, weights, loss: denseSoftmax() })
    const state = [judge.weights, new Float64Array(50 * hiddenSize), new Float64Array(50 * hiddenSize)]
    const stream = new Stream({ numClasses: 50, hiddenSize, batchSize, seed: 6, targets: 'weights' })
    for (let t = 1; t <= 30; t++) {
      const batch = stream.next()
      const options = { learningRate: 0.02, weightDecay: 0.5, clipNorm: 1 }
      const { gradNorm } = head.step(batch.hidden, batch.targets, options)
      const { result, gradient } = judge.gradients(batch.hidden, batch.targets)
      expect(gradNorm).toBeCloseTo(result.gradNorm, 4)
      for (let i = 0; i < state[0].length; i++) state[0][i] *= 0.99
      const scale = Math.min(1, 1 / result.gradNorm)
      stepByHand(
        optimizer.kind,
        state,
        gradient.map((x) => scale * x),
        t,
        0.02,
      )
    }
    const all = range(0, 50)
    expect(relativeError(head.rows(all), judge.rows(all))).toBeLessThan(1e-5)
  },
)

test('a learning rate of 0 leaves the optimiser as it was', () => {
  const make = () => new SoftmaxHead({ numClasses, hiddenSize, optimizer: { kind: 'adam' } })
  const [still, plain] = [make(), make()]
  const stream = new Stream({ numClasses, hiddenSize, batchSize, seed: 7 })
  const [a, b] = [stream.next(), stream.next()]
  still.step(a.hidden, a.targets, { learningRate: 0, weightDecay: 2 })
  for (const head of [still, plain]) head.step(b.hidden, b.targets, { learningRate: 0.01 })
  const all = range(0, numClasses)
  expect(still.rows(all)).toEqual(plain.rows(all))
})

test('its memory does not grow with m * D', () => {
  const [D, m] = [60_000, 300]
  const head = new SoftmaxHead({ numClasses: D, hiddenSize: 4 })
  const random = new Random(8)
  const hidden = Float32Array.from(random.normals(m * 4))
  const targets = Int32Array.from({ length: m }, () => random.below(D))
  const before = process.memoryUsage().rss
  const { loss } = head.step(hidden, targets, { learningRate: 0.1 })
  // From zeros, every class has the same probability. m * D floats would be 72 MB.
  expect(loss).toBeCloseTo(Math.log(D), 4)
  expect(process.memoryUsage().rss - before).toBeLessThan(50e6)
  head.close()
})

test('the loss is named, and cannot be chosen', () => {
  expect(new SoftmaxHead({ numClasses: 3, hiddenSize: 2 }).loss).toMatchObject({
    name: 'softmax',
    ranking: 'logit',
    probabilistic: true,
  })
})
