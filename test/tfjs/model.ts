// A small tfjs model, and a dense output layer made of tfjs's own operations: what a bound head must agree with.

import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-backend-wasm'
import '@tensorflow/tfjs-layers' // in Node it is this package that gives tfjs-core its gradients
import { Random } from '../judge/random.js'

export const BACKENDS = ['cpu', 'wasm']
export const size = { numClasses: 40, hiddenSize: 8 }
const INPUTS = 5

function normal(random: Random, shape: [number, number], scale = 1): tf.Tensor2D {
  return tf.tensor2d(Float32Array.from(random.normals(shape[0] * shape[1], scale)), shape)
}

/** hidden = tanh(x A + b) */
export class TfTrunk {
  readonly variables: tf.Variable[]

  constructor(seed = 1) {
    const random = new Random(seed)
    this.variables = [normal(random, [INPUTS, size.hiddenSize], 0.5), normal(random, [1, size.hiddenSize], 0.1)].map(
      (start) => tf.tidy(() => tf.variable(start)),
    )
  }

  forward(x: tf.Tensor2D): tf.Tensor2D {
    const [A, b] = this.variables
    return tf.tanh(tf.add(tf.matMul(x, A), b)) as tf.Tensor2D
  }
}

/** m examples with one target each. */
export function minibatch(seed: number, m = 6): { x: tf.Tensor2D; targets: Int32Array } {
  const random = new Random(seed)
  return {
    x: normal(random, [m, INPUTS]),
    targets: Int32Array.from({ length: m }, () => random.below(size.numClasses)),
  }
}

export function startingWeights(seed: number): { weights: Float32Array; biases: Float32Array } {
  const random = new Random(seed)
  return {
    weights: Float32Array.from(random.normals(size.numClasses * size.hiddenSize, 0.3)),
    biases: Float32Array.from(random.normals(size.numClasses, 0.3)),
  }
}

/** Logits [m, D] and wanted outputs [m, D] to the loss of each example [m]. */
export type TfLoss = (logits: tf.Tensor, wanted: tf.Tensor) => tf.Tensor

export const tfSquaredError: TfLoss = (logits, wanted) => tf.sum(tf.squaredDifference(logits, wanted), 1)
export const tfCrossEntropy: TfLoss = (logits, wanted) => tf.neg(tf.sum(tf.mul(wanted, tf.logSoftmax(logits)), 1))

/** A dense output layer in tfjs: all D outputs are formed. */
export class TfOutputLayer {
  readonly W: tf.Variable
  readonly b: tf.Variable

  constructor(
    readonly loss: TfLoss,
    { weights, biases }: { weights: Float32Array; biases: Float32Array },
  ) {
    this.W = tf.variable(tf.tensor2d(weights.slice(), [size.numClasses, size.hiddenSize]))
    this.b = tf.variable(tf.tensor1d(biases.slice()))
  }

  meanLoss(hidden: tf.Tensor2D, targets: Int32Array): tf.Scalar {
    const logits = tf.add(tf.matMul(hidden, this.W as tf.Variable<tf.Rank.R2>, false, true), this.b)
    const wanted = tf.oneHot(tf.tensor1d(targets, 'int32'), size.numClasses)
    return tf.mean(this.loss(logits, tf.cast(wanted, 'float32'))) as tf.Scalar
  }
}

export function values(tensor: tf.Tensor): Float32Array {
  return tensor.dataSync<'float32'>().slice()
}
