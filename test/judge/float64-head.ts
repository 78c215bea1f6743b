// THE JUDGE: an output layer in float64 that forms all outputs, all gradients and the whole update, and nothing else.

import type { ApplyOptions, SparseTargets, Targets } from '../../lib/index.js'
import type { DenseLoss } from './dense-losses.js'
import { backward, outputs, weightGradient } from './products.js'

export interface JudgeOptions {
  numClasses: number
  hiddenSize: number
  loss: DenseLoss
  bias?: boolean
  /** D x d row-major; 0 if absent. */
  weights?: ArrayLike<number>
  /** D; 0 if absent. */
  biases?: ArrayLike<number>
  ranking?: 'logit' | 'square'
}

export interface JudgeStep {
  loss: number
  losses: Float64Array
  dHidden: Float64Array
  gradNorm: number
}

export class Float64Head {
  readonly numClasses: number
  readonly hiddenSize: number
  /** D x (d + 1) with a bias, the bias last; D x d without. */
  readonly weights: Float64Array
  readonly width: number
  private readonly bias: boolean
  private readonly loss: DenseLoss
  private readonly ranking: 'logit' | 'square'

  constructor(options: JudgeOptions) {
    const { numClasses: D, hiddenSize: d, weights, biases } = options
    this.numClasses = D
    this.hiddenSize = d
    this.loss = options.loss
    this.bias = options.bias ?? false
    this.ranking = options.ranking ?? 'logit'
    this.width = this.bias ? d + 1 : d
    this.weights = new Float64Array(D * this.width)
    for (let i = 0; i < D; i++) {
      for (let k = 0; k < d; k++) this.weights[i * this.width + k] = weights?.[i * d + k] ?? 0
      if (this.bias) this.weights[i * this.width + d] = biases?.[i] ?? 0
    }
  }

  step(hidden: ArrayLike<number>, targets: Targets, options: ApplyOptions): JudgeStep {
    const { result, gradient } = this.gradients(hidden, targets)
    const { learningRate, weightDecay = 0, clipNorm = Number.POSITIVE_INFINITY } = options
    const clip = Math.min(1, clipNorm / result.gradNorm)
    for (let i = 0; i < gradient.length; i++) {
      this.weights[i] = (1 - learningRate * weightDecay) * this.weights[i] - learningRate * clip * gradient[i]
    }
    return result
  }

  evaluate(hidden: ArrayLike<number>, targets: Targets): { loss: number; losses: Float64Array } {
    return this.gradients(hidden, targets).result
  }

  /** Loss, its gradient for the hidden vectors, and for the weights (D x width). Changes nothing. */
  gradients(hidden: ArrayLike<number>, targets: Targets): { result: JudgeStep; gradient: Float64Array } {
    const { numClasses: D, width, weights } = this
    const x = this.inputs(hidden)
    const m = x.length / width
    const o = new Float64Array(m * D)
    outputs(o, x, weights, m, D, width)
    const g = new Float64Array(m * D)
    const losses = new Float64Array(m)
    const { indptr, indices, values } = asSparse(targets, m)
    const y = new Float64Array(D)
    const listed = new Uint8Array(D)
    for (let j = 0; j < m; j++) {
      y.fill(0)
      listed.fill(0)
      for (let k = indptr[j]; k < indptr[j + 1]; k++) {
        y[indices[k]] += values === undefined ? 1 : values[k]
        listed[indices[k]] = 1
      }
      losses[j] = this.loss(o.subarray(j * D, (j + 1) * D), y, listed, g.subarray(j * D, (j + 1) * D))
    }
    for (let i = 0; i < g.length; i++) g[i] /= m // the loss of a minibatch is the mean
    const dInputs = new Float64Array(m * width)
    backward(dInputs, g, weights, m, D, width)
    const gradient = new Float64Array(D * width)
    weightGradient(gradient, g, x, m, D, width)
    const dHidden = Float64Array.from({ length: m * this.hiddenSize }, (_, n) => {
      return dInputs[Math.floor(n / this.hiddenSize) * width + (n % this.hiddenSize)]
    })
    const loss = losses.reduce((sum, each) => sum + each, 0) / m
    return { result: { loss, losses, dHidden, gradNorm: norm(gradient) }, gradient }
  }

  /** m x n outputs of the classes. */
  logits(hidden: ArrayLike<number>, classes: ArrayLike<number>): Float64Array {
    const x = this.inputs(hidden)
    const m = x.length / this.width
    const out = new Float64Array(m * classes.length)
    for (let j = 0; j < m; j++) {
      for (let n = 0; n < classes.length; n++) {
        for (let k = 0; k < this.width; k++) {
          out[j * classes.length + n] += x[j * this.width + k] * this.weights[classes[n] * this.width + k]
        }
      }
    }
    return out
  }

  /** All classes of each example, best first, ties to the lower id: m x D. */
  ranked(hidden: ArrayLike<number>): Int32Array {
    const D = this.numClasses
    const all = Int32Array.from({ length: D }, (_, i) => i)
    const o = this.logits(hidden, all)
    const ranked = new Int32Array(o.length)
    for (let j = 0; j < o.length / D; j++) {
      const score = (i: number) => (this.ranking === 'square' ? o[j * D + i] ** 2 : o[j * D + i])
      ranked.set(
        all.slice().sort((a, b) => score(b) - score(a) || a - b),
        j * D,
      )
    }
    return ranked
  }

  /** Rows of W, n x d, without the biases. */
  rows(classes: ArrayLike<number>): Float64Array {
    const { hiddenSize: d, width, weights } = this
    return Float64Array.from(
      { length: classes.length * d },
      (_, n) => weights[classes[Math.floor(n / d)] * width + (n % d)],
    )
  }

  biases(classes: ArrayLike<number>): Float64Array {
    if (!this.bias) return new Float64Array(classes.length)
    const { hiddenSize: d, width, weights } = this
    return Float64Array.from({ length: classes.length }, (_, n) => weights[classes[n] * width + d])
  }

  /** The hidden vectors, each with a 1 at its end if there is a bias. */
  private inputs(hidden: ArrayLike<number>): Float64Array {
    const { hiddenSize: d, width } = this
    const m = hidden.length / d
    const x = new Float64Array(m * width).fill(1)
    for (let j = 0; j < m; j++) for (let k = 0; k < d; k++) x[j * width + k] = hidden[j * d + k]
    return x
  }
}

export function asSparse(targets: Targets, m: number): SparseTargets {
  if ('indptr' in targets) return targets
  return { indptr: Int32Array.from({ length: m + 1 }, (_, j) => j), indices: targets }
}

export function norm(x: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < x.length; i++) sum += x[i] * x[i]
  return Math.sqrt(sum)
}

/** ||x - truth|| / ||truth||; 0 if both are 0. NaN is never close to anything. */
export function relativeError(x: ArrayLike<number>, truth: ArrayLike<number>): number {
  if (x.length !== truth.length) throw new Error(`lengths differ: ${x.length} and ${truth.length}`)
  let sum = 0
  for (let i = 0; i < x.length; i++) sum += (x[i] - truth[i]) ** 2
  return sum === 0 ? 0 : Math.sqrt(sum) / norm(truth)
}
