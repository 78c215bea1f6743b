// A bound head beside a dense output layer of tfjs's own, on the same trunk: losses, gradients of the trunk, W after updates.

import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { bindTfjs, DenseHead, ExactHead, type Head, SoftmaxHead, squaredError } from '../../lib/index.js'
import { range } from '../judge/compare.js'
import { relativeError } from '../judge/float64-head.js'
import {
  BACKENDS,
  minibatch,
  size,
  startingWeights,
  TfOutputLayer,
  TfTrunk,
  tfCrossEntropy,
  tfSquaredError,
  values,
} from './model.js'

const start = startingWeights(3)
const init = { kind: 'weights' as const, ...start }
const CASES = [
  {
    name: 'ExactHead, squared error',
    head: () => new ExactHead({ ...size, loss: squaredError(), bias: true, init }),
    tfLoss: tfSquaredError,
    learningRate: 0.02,
  },
  {
    name: 'DenseHead, squared error',
    head: () => new DenseHead({ ...size, loss: squaredError(), bias: true, init }),
    tfLoss: tfSquaredError,
    learningRate: 0.02,
  },
  {
    name: 'SoftmaxHead, cross-entropy',
    head: () => new SoftmaxHead({ ...size, bias: true, init }),
    tfLoss: tfCrossEntropy,
    learningRate: 0.5,
  },
]
// Both sides are float32: what is left is rounding, on the way through several layers.
const ROUNDING = 1e-5

function expectSameWeights(head: Head, layer: TfOutputLayer): void {
  const all = range(0, size.numClasses)
  expect(relativeError(head.rows(all), values(layer.W))).toBeLessThan(ROUNDING)
  expect(relativeError(head.biases(all), values(layer.b))).toBeLessThan(ROUNDING)
}

describe.each(BACKENDS)('on the %s backend', (backend) => {
  beforeAll(async () => {
    expect(await tf.setBackend(backend)).toBe(true)
  })
  afterEach(() => tf.disposeVariables())

  describe.each(CASES)('$name', ({ head: create, tfLoss, learningRate }) => {
    test('minimize() trains both alike', () => {
      const [trunk, reference] = [new TfTrunk(), new TfTrunk()]
      const [head, layer] = [create(), new TfOutputLayer(tfLoss, start)]
      const loss = bindTfjs(tf).headLoss(head, { learningRate })
      const optimizer = tf.train.sgd(learningRate)
      for (let step = 0; step < 20; step++) {
        const { x, targets } = minibatch(step)
        const mine = optimizer.minimize(() => loss(trunk.forward(x), targets), true, trunk.variables)
        const variables = [...reference.variables, layer.W, layer.b]
        const right = optimizer.minimize(() => layer.meanLoss(reference.forward(x), targets), true, variables)
        expect(relativeError(values(mine!), values(right!))).toBeLessThan(ROUNDING)
      }
      trunk.variables.forEach((variable, i) => {
        expect(relativeError(values(variable), values(reference.variables[i]))).toBeLessThan(ROUNDING)
      })
      expectSameWeights(head, layer)
    })

    test.each([1, 0.3, 7])('a loss that counts %d times, with another beside it, decay and a limit', (weight) => {
      const trunk = new TfTrunk()
      const [head, layer] = [create(), new TfOutputLayer(tfLoss, start)]
      const [decay, limit] = [0.4, 0.5]
      const options = { learningRate, weightDecay: decay, clipNorm: limit }
      const loss = bindTfjs(tf).headLoss(head, options)
      const { x, targets } = minibatch(5)
      // The total of tfjs's own: `weight` times the loss, and a cost of the hidden vectors that the head knows nothing of.
      const total = (output: (hidden: tf.Tensor2D) => tf.Scalar) => () => {
        const hidden = trunk.forward(x)
        return tf.add(tf.mul(output(hidden), weight), tf.mul(tf.sum(tf.square(hidden)), 0.1)) as tf.Scalar
      }
      const layerLoss = total((hidden) => layer.meanLoss(hidden, targets))
      const right = tf.variableGrads(layerLoss, [...trunk.variables, layer.W, layer.b])
      const mine = tf.variableGrads(
        total((hidden) => loss(hidden, targets)),
        trunk.variables,
      )
      expect(relativeError(values(mine.value), values(right.value))).toBeLessThan(ROUNDING)
      for (const { name } of trunk.variables) {
        expect(relativeError(values(mine.grads[name]), values(right.grads[name]))).toBeLessThan(ROUNDING)
      }

      // W <- (1 - rate * decay) W - rate * gradient, the gradient no longer than the limit: in tfjs.
      const gradients = [layer.W, layer.b].map(({ name }) => right.grads[name])
      const clipped = clipByGlobalNorm(gradients, limit)
      ;[layer.W, layer.b].forEach((variable, i) => {
        const kept = tf.mul(variable, 1 - learningRate * decay)
        variable.assign(tf.sub(kept, tf.mul(clipped[i], learningRate)))
      })
      expectSameWeights(head, layer)
    })
  })
})

function clipByGlobalNorm(gradients: tf.Tensor[], limit: number): tf.Tensor[] {
  const norm = Math.hypot(...gradients.flatMap((gradient) => [...values(gradient)]))
  expect(norm).toBeGreaterThan(0)
  return gradients.map((gradient) => tf.mul(gradient, Math.min(1, limit / norm)))
}
