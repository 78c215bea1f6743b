// The network below an output head: embeddings of ids, and dense layers above them.

import { allocate, checkArray, checkNumber, checkObject, LARGEST_RATE } from './check.js'
import { loadTrunkAs, RESTORE } from './checkpoint/load-head.js'
import { STATE, type State } from './checkpoint/save.js'
import type { Communicator } from './distributed/communicator.js'
import { readDistributed } from './distributed/options.js'
import { typed, WideheadError } from './errors.js'
import { native } from './native.js'
import type { NativeTrunk } from './trunk-binding.js'
import { TrunkHandle } from './trunk-handle.js'
import { type BagInput, readBags } from './trunk-input.js'
import {
  nativeTrunkOptions,
  type ResolvedTrunkOptions,
  resolveTrunkOptions,
  type TrunkOptions,
} from './trunk-options.js'

export type { BagInput } from './trunk-input.js'
export type {
  Activation,
  Combine,
  ResolvedTrunkOptions,
  TrunkLayer,
  TrunkOptimizer,
  TrunkOptions,
} from './trunk-options.js'
export type { Parameter, ParameterShape, StateArray, StateShape } from './trunk-tensors.js'

/**
 * A network of embeddings and dense layers to put below a head: turns bags of ids into hidden vectors, and gradients for those into
 * updates of its own weights. Wrong arguments throw a TypeError or RangeError; after any error its weights are what they were.
 *
 * ```js
 * import { ExactHead, squaredError, Trunk } from 'widehead'
 *
 * const trunk = new Trunk({ vocabularySize: 1000, embeddingSize: 32, layers: [{ size: 64, activation: 'relu' }] })
 * const head = new ExactHead({ numClasses: 5000, hiddenSize: trunk.hiddenSize, loss: squaredError() })
 * // Two examples: ids 3 and 7; id 999.
 * const hidden = trunk.forward({ indptr: Int32Array.of(0, 2, 3), indices: Int32Array.of(3, 7, 999) })
 * const { dHidden } = head.step(hidden, Int32Array.of(17, 4999), { learningRate: 1 })
 * trunk.backward(dHidden, { learningRate: 0.1 })
 * ```
 *
 * @category Trunk
 */
export class Trunk extends TrunkHandle {
  /** What it was made with, every default filled in; frozen. */
  readonly options: ResolvedTrunkOptions
  /** Rows of the embedding table. */
  readonly vocabularySize: number
  /** d, the length of one hidden vector: the size of the last layer, or slots * embeddingSize. */
  readonly hiddenSize: number
  readonly #communicator: Communicator | undefined

  /**
   * @param options its shape, and how it is trained
   * @throws a TypeError or RangeError that names the option, the rule and the value received; WIDEHEAD_OUT_OF_MEMORY
   */
  constructor(options: TrunkOptions) {
    const resolved = resolveTrunkOptions(options)
    const communicator = readDistributed(options.distributed)
    super(new native.Trunk(nativeTrunkOptions(resolved, communicator)), resolved)
    this.options = resolved
    this.#communicator = communicator
    this.vocabularySize = this.options.vocabularySize
    this.hiddenSize = this.options.layers.at(-1)?.size ?? this.options.slots * this.options.embeddingSize
  }

  /**
   * Hidden vectors of m examples. Keeps what one backward() needs.
   *
   * @param input the ids of the examples
   * @returns m * hiddenSize numbers, row-major
   * @throws WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY
   */
  forward(input: BagInput): Float32Array {
    const { examples, indptr, indices, values } = readBags(input, this.options.slots, this.#communicator ? 0 : 1)
    const hidden = allocate('hidden', examples * this.hiddenSize)
    this.open().forward(hidden, indptr, indices, values)
    return hidden
  }

  /**
   * The same numbers as forward(), without keeping anything: the last forward() can still go backward.
   *
   * @param input the ids of the examples
   * @returns m * hiddenSize numbers, row-major
   * @throws WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY
   */
  evaluate(input: BagInput): Float32Array {
    const { examples, indptr, indices, values } = readBags(input, this.options.slots, this.#communicator ? 0 : 1)
    const hidden = allocate('hidden', examples * this.hiddenSize)
    this.open().evaluate(hidden, indptr, indices, values)
    return hidden
  }

  /**
   * Makes the update for the minibatch of the last forward(), once.
   *
   * @param dHidden the gradient of the loss for its hidden vectors, m * hiddenSize, row-major, finite
   * @param options the rate of this update
   * @throws WIDEHEAD_STALE: no forward() before it, or one that went backward; WIDEHEAD_LOSS: a gradient is not finite; WIDEHEAD_CLOSED
   */
  backward(
    dHidden: Float32Array,
    options: {
      /** 0 to 3e38. */
      learningRate: number
    },
  ): {
    /** Norm of the gradient for all parameters, before clipping. */
    gradNorm: number
  } {
    const trunk = this.open()
    if (this.#communicator) {
      const message = 'backward() is for a trunk on one rank, and this one is on several: use backwardAsync()'
      throw new WideheadError('WIDEHEAD_DISTRIBUTED', message)
    }
    const learningRate = readBackward(dHidden, options)
    try {
      return { gradNorm: trunk.backward(dHidden, learningRate) }
    } catch (error) {
      throw typed(error)
    }
  }

  /**
   * backward() on another thread; the trunk is to be left alone until it is done. Of several ranks a call that all make, each for its own
   * examples of one minibatch, of one norm.
   *
   * @param dHidden as of backward(); of several ranks what the head's stepAsync() gave this one
   * @param options the rate of this update
   * @throws as backward(), as a rejection
   */
  async backwardAsync(
    dHidden: Float32Array,
    options: {
      /** 0 to 3e38. */
      learningRate: number
    },
  ): Promise<{
    /** Norm of the gradient for all parameters, before clipping. */
    gradNorm: number
  }> {
    const trunk = this.open()
    const learningRate = readBackward(dHidden, options)
    const run = () => trunk.backwardAsync(dHidden, learningRate)
    try {
      return { gradNorm: await (this.#communicator?.inTurn(run) ?? run()) }
    } catch (error) {
      throw typed(error)
    }
  }

  /**
   * A trunk as it was saved in `folder` with the head above it, by {@link Head.save} or `widehead train`.
   *
   * @param folder a folder of checkpoints, or one checkpoint
   * @param options the ranks that it is to lie on, all of which load it
   * @throws as a rejection: WIDEHEAD_FILE, if there is none or it is damaged; WIDEHEAD_OUT_OF_MEMORY; a TypeError for
   * arguments of the wrong type
   */
  static load(
    folder: string,
    options: {
      /** From {@link mpi}. Default: this process alone. */
      distributed?: Communicator
    } = {},
  ): Promise<Trunk> {
    return loadTrunkAs(folder, (own) => new Trunk(own), options)
  }

  /** @internal What a checkpoint keeps of it. */
  [STATE](): State {
    const config = this.options
    const trunk = this.open()
    return { snapshot: () => trunk.snapshot(), step: 0, kind: 'trunk', config, resolved: config }
  }

  /** @internal */
  [RESTORE](): NativeTrunk {
    return this.open()
  }
}

function readBackward(dHidden: Float32Array, options: { learningRate: number }): number {
  checkArray('dHidden', dHidden, Float32Array)
  checkObject('options', options)
  // What overflows float32 is Infinity there, and its product with a gradient of 0 is NaN.
  return checkNumber('learningRate', options.learningRate, 0, LARGEST_RATE)
}
