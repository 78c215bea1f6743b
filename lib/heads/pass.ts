// One minibatch on its way through the addon. A small step is little more than the calls around it, so that a pass is made
// for few of them: rates and results lie in memory that both sides see, and so does a small gradient, because handing a new
// array to the addon costs more than copying a few floats.

import {
  CLIP_NORM,
  DIFFERENTIATE,
  GRAD_NORM,
  LEARNING_RATE,
  LOSS,
  type NativeHead,
  type NativePass,
  NUMBERS,
  SMALL,
  STAGES,
  WEIGHT_DECAY,
} from '../binding.js'
import { allocate } from '../check.js'
import { native } from '../native.js'
import type { Rates } from './options.js'
import type { NativeTargets } from './targets.js'

export interface Minibatch {
  m: number
  hidden: Float32Array
  targets: NativeTargets
}

const NONE = new Float32Array(0)

export class Pass {
  readonly native: NativePass
  readonly #numbers = new Float64Array(NUMBERS + SMALL / 2)
  readonly #small = new Float32Array(this.#numbers.buffer, NUMBERS * Float64Array.BYTES_PER_ELEMENT, SMALL)

  constructor(head: NativeHead) {
    this.native = head.newPass(this.#numbers, this)
  }

  /** Of the minibatch scored last: the mean. */
  get loss(): number {
    return this.#numbers[LOSS]
  }

  /** Of the update made last. */
  get gradNorm(): number {
    return this.#numbers[GRAD_NORM]
  }

  /** Runs stages on `batch`, the same one from SCORE on; returns dHidden if they make it. */
  run(stages: number, batch: Minibatch, rates?: Rates): Float32Array {
    const { hidden, targets } = batch
    const dHidden = this.#prepare(stages, hidden.length, rates)
    if (targets.indptr) {
      native.run(this.native, hidden, targets.indices, dHidden, targets.indptr, targets.values)
    } else {
      native.run(this.native, hidden, targets.indices, dHidden)
    }
    return dHidden ?? this.#small.slice(0, hidden.length)
  }

  /** run() on another thread. */
  async runAsync(stages: number, batch: Minibatch, rates?: Rates): Promise<Float32Array> {
    const { hidden, targets } = batch
    const dHidden = this.#prepare(stages, hidden.length, rates)
    if (targets.indptr) {
      await native.runAsync(this.native, hidden, targets.indices, dHidden, targets.indptr, targets.values)
    } else {
      await native.runAsync(this.native, hidden, targets.indices, dHidden)
    }
    return dHidden ?? this.#small.slice(0, hidden.length)
  }

  /** Runs stages that need no minibatch any more. */
  finish(stages: number, rates: Rates): void {
    this.#prepare(stages, 0, rates)
    native.run(this.native)
  }

  #prepare(stages: number, length: number, rates?: Rates): Float32Array | null {
    const numbers = this.#numbers
    numbers[STAGES] = stages
    if (rates) {
      numbers[LEARNING_RATE] = rates.learningRate
      numbers[WEIGHT_DECAY] = rates.weightDecay
      numbers[CLIP_NORM] = rates.clipNorm
    }
    if (!(stages & DIFFERENTIATE)) return NONE
    return length <= SMALL ? null : allocate('dHidden', length)
  }
}
