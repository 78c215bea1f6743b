// Streams of minibatches like those of a real network: rectified hidden vectors with a strong mean, Zipf targets.

import type { Targets } from '../../lib/index.js'
import { Random, Zipf } from './random.js'

export interface Batch {
  hidden: Float32Array
  targets: Targets
}

export const TARGET_KINDS = ['one target', 'several unsorted', 'duplicates', 'weights', 'some without'] as const
export type TargetKind = (typeof TARGET_KINDS)[number]

export interface StreamOptions {
  numClasses: number
  hiddenSize: number
  batchSize: number
  seed: number
  targets?: TargetKind
  /** 'relu' (default): rectified, with a strong mean; 'normal': no mean, all directions alike. */
  features?: 'relu' | 'normal'
  /** Classes are drawn from the first `classes` only. Default: all. */
  classes?: number
}

const LATENT = 16

/** Hidden vectors depend on their first target, so that there is something to learn. */
export class Stream {
  readonly options: Required<StreamOptions>
  private readonly random: Random
  private readonly zipf: Zipf
  private readonly latent: Float64Array
  private readonly project: Float64Array
  private examples = 0

  constructor(options: StreamOptions) {
    this.options = { targets: 'one target', features: 'relu', classes: options.numClasses, ...options }
    const { seed, numClasses, hiddenSize, classes } = this.options
    this.random = new Random(seed)
    this.zipf = new Zipf(classes)
    this.latent = this.random.normals(numClasses * LATENT)
    this.project = this.random.normals(LATENT * hiddenSize, 1 / Math.sqrt(LATENT))
  }

  next(): Batch {
    const { batchSize } = this.options
    const lists = Array.from({ length: batchSize }, () => this.list())
    return { hidden: this.hidden(lists.map((list) => list[0] ?? 0)), targets: this.pack(lists) }
  }

  private hidden(classes: number[]): Float32Array {
    const { hiddenSize: d, features } = this.options
    const hidden = new Float32Array(classes.length * d)
    if (features === 'normal') return hidden.map(() => this.random.normal())
    const z = new Float64Array(LATENT)
    for (let j = 0; j < classes.length; j++) {
      for (let l = 0; l < LATENT; l++) z[l] = this.latent[classes[j] * LATENT + l] + 0.7 * this.random.normal()
      for (let k = 0; k < d; k++) {
        let sum = 0
        for (let l = 0; l < LATENT; l++) sum += z[l] * this.project[l * d + k]
        hidden[j * d + k] = Math.max(sum, 0)
      }
    }
    return hidden
  }

  /** The target classes of the next example. */
  private list(): number[] {
    const { targets } = this.options
    const draw = () => this.zipf.draw(this.random)
    this.examples++
    if (targets === 'one target') return [draw()]
    if (targets === 'some without' && this.examples % 3 === 2) return []
    const list = [...new Set([draw(), draw(), draw(), draw()])] // drawn, so in no order, and each but once
    if (targets === 'duplicates') list.splice(1, 0, list[list.length - 1], list[0], 0) // 0 is in every example
    return list
  }

  private pack(lists: number[][]): Targets {
    const { targets } = this.options
    if (targets === 'one target') return Int32Array.from(lists.flat())
    const indptr = new Int32Array(lists.length + 1)
    lists.forEach((list, j) => {
      indptr[j + 1] = indptr[j] + list.length
    })
    const indices = Int32Array.from(lists.flat())
    if (targets === 'several unsorted') return { indptr, indices }
    return { indptr, indices, values: Float32Array.from(indices, () => this.random.between(0.3, 1.2)) }
  }
}

/** Largest eigenvalue of sum_j g_j h_j h_j^T, by power iteration in float64. */
export function largestEigenvalue(hidden: ArrayLike<number>, d: number, g: (j: number) => number): number {
  const m = hidden.length / d
  let x = Float64Array.from({ length: d }, (_, k) => 1 + k / d)
  let value = 0
  for (let round = 0; round < 1000; round++) {
    const y = new Float64Array(d)
    for (let j = 0; j < m; j++) {
      let dot = 0
      for (let k = 0; k < d; k++) dot += hidden[j * d + k] * x[k]
      for (let k = 0; k < d; k++) y[k] += g(j) * dot * hidden[j * d + k]
    }
    const length = Math.hypot(...y)
    x = y.map((each) => each / length)
    if (Math.abs(length - value) < 1e-14 * length) return length
    value = length
  }
  return value
}
