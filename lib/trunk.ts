// The network below an output head: embeddings of ids, and dense layers above them.

import { allocate, checkArray, checkNumber, checkObject } from './check.js'
import { loadTrunkAs, RESTORE } from './checkpoint/load-head.js'
import { STATE, type State } from './checkpoint/save.js'
import type { Communicator } from './distributed/communicator.js'
import { readDistributed } from './distributed/options.js'
import { typed, WideheadError } from './errors.js'
import { native } from './native.js'
import type { NativeTrunk } from './trunk-binding.js'
import { type BagInput, readBags } from './trunk-input.js'
import {
  nativeTrunkOptions,
  type ResolvedTrunkOptions,
  resolveTrunkOptions,
  type TrunkOptions,
} from './trunk-options.js'
import {
  find,
  type Parameter,
  type ParameterShape,
  parametersOf,
  readRows,
  readTensor,
  type StateArray,
  type StateShape,
  stateOf,
  type Tensor,
  writeRows,
  writeTensors,
} from './trunk-tensors.js'

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
export class Trunk {
  /** What it was made with, every default filled in; frozen. */
  readonly options: ResolvedTrunkOptions
  /** Rows of the embedding table. */
  readonly vocabularySize: number
  /** d, the length of one hidden vector: the size of the last layer, or slots * embeddingSize. */
  readonly hiddenSize: number
  #native: NativeTrunk | undefined
  readonly #parameters: readonly Tensor[]
  readonly #state: readonly Tensor[]
  readonly #communicator: Communicator | undefined

  /**
   * @param options its shape, and how it is trained
   * @throws a TypeError or RangeError that names the option, the rule and the value received; WIDEHEAD_OUT_OF_MEMORY
   */
  constructor(options: TrunkOptions) {
    this.options = resolveTrunkOptions(options)
    this.#communicator = readDistributed(options.distributed)
    this.vocabularySize = this.options.vocabularySize
    this.hiddenSize = this.options.layers.at(-1)?.size ?? this.options.slots * this.options.embeddingSize
    this.#native = new native.Trunk(nativeTrunkOptions(this.options, this.#communicator))
    this.#parameters = parametersOf(this.options)
    this.#state = stateOf(this.#native, this.#parameters)
  }

  /** True once close() was called. */
  get closed(): boolean {
    return this.#native === undefined
  }

  /**
   * Hidden vectors of m examples. Keeps what one backward() needs.
   *
   * @param input the ids of the examples
   * @returns m * hiddenSize numbers, row-major
   * @throws WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY
   */
  forward(input: BagInput): Float32Array {
    const trunk = this.#open()
    const { examples, indptr, indices, values } = readBags(input, this.options.slots, this.#communicator ? 0 : 1)
    const hidden = allocate('hidden', examples * this.hiddenSize)
    trunk.forward(hidden, indptr, indices, values)
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
    const trunk = this.#open()
    const { examples, indptr, indices, values } = readBags(input, this.options.slots, this.#communicator ? 0 : 1)
    const hidden = allocate('hidden', examples * this.hiddenSize)
    trunk.evaluate(hidden, indptr, indices, values)
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
    const trunk = this.#open()
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
    const trunk = this.#open()
    const learningRate = readBackward(dHidden, options)
    const run = () => trunk.backwardAsync(dHidden, learningRate)
    try {
      return { gradNorm: await (this.#communicator?.inTurn(run) ?? run()) }
    } catch (error) {
      throw typed(error)
    }
  }

  /** Names and shapes of the parameters, the embedding table first. */
  shapes(): ParameterShape[] {
    return this.#parameters.map(({ name, shape }) => ({ name, shape: [...shape] }))
  }

  /**
   * Copies of the parameters, or of those that are named. A table too large for one array: see rows().
   *
   * @param names names of shapes(). Default: all
   * @throws a RangeError for an unknown name; WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY
   */
  parameters(names: readonly string[] = this.#parameters.map(({ name }) => name)): Parameter[] {
    const trunk = this.#open()
    return names.map((wanted) => {
      const { name, shape, data } = readTensor(trunk, find('names', this.#parameters, wanted))
      return { name, shape, data: data as Float32Array }
    })
  }

  /**
   * Sets the parameters that are listed; all of them are checked before the first is changed. What the optimiser has
   * gathered stays; a forward() made before can no longer go backward.
   *
   * @param list parameters with their names, shapes and finite numbers, each once
   * @throws a TypeError or RangeError; WIDEHEAD_CLOSED
   */
  setParameters(list: readonly Parameter[]): void {
    writeTensors(this.#open(), this.#parameters, list, 'parameters')
  }

  /**
   * A copy of rows of the embedding table.
   *
   * @param from the first row, from 0
   * @param to the row after the last one, up to vocabularySize
   * @returns (to - from) * embeddingSize numbers, row-major
   * @throws a TypeError or RangeError; WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY
   */
  rows(from: number, to: number): Float32Array {
    return readRows(this.#open(), this.#parameters[0], from, to) as Float32Array
  }

  /**
   * Sets rows of the embedding table, as setParameters() does.
   *
   * @param from the first row, from 0
   * @param data whole rows, row-major, finite
   * @throws a TypeError or RangeError; WIDEHEAD_CLOSED
   */
  setRows(from: number, data: Float32Array): void {
    writeRows(this.#open(), this.#parameters[0], from, data)
  }

  /** Names, shapes and types of what the optimiser has gathered: with the parameters, all that a trunk goes on from. */
  stateShapes(): StateShape[] {
    return this.#state.map(({ name, shape, type }) => ({ name, shape: [...shape], type }))
  }

  /**
   * Copies of the optimiser's state, or of the arrays that are named. One too large for one array: see stateRows().
   *
   * @param names names of stateShapes(). Default: all
   * @throws a RangeError for an unknown name; WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY
   */
  state(names: readonly string[] = this.#state.map(({ name }) => name)): StateArray[] {
    const trunk = this.#open()
    return names.map((name) => readTensor(trunk, find('names', this.#state, name)))
  }

  /**
   * Sets the arrays of the optimiser's state that are listed, as setParameters() does. A trunk made with the same options
   * that gets another's parameters and state goes on as the other would have, bit for bit.
   *
   * @param list arrays with their names, shapes and numbers, each once
   * @throws a TypeError or RangeError; WIDEHEAD_CLOSED
   */
  setState(list: readonly StateArray[]): void {
    writeTensors(this.#open(), this.#state, list, 'state arrays')
  }

  /**
   * A copy of rows of an array of the state.
   *
   * @param name a name of stateShapes()
   * @param from the first row, from 0
   * @param to the row after the last one
   * @throws a TypeError or RangeError; WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY
   */
  stateRows(name: string, from: number, to: number): Float32Array | Uint32Array {
    return readRows(this.#open(), find('name', this.#state, name), from, to)
  }

  /**
   * Sets rows of an array of the state. Rows of zeros that are zeros already take no memory.
   *
   * @param name a name of stateShapes()
   * @param from the first row, from 0
   * @param data whole rows, row-major
   * @throws a TypeError or RangeError; WIDEHEAD_CLOSED
   */
  setStateRows(name: string, from: number, data: Float32Array | Uint32Array): void {
    writeRows(this.#open(), find('name', this.#state, name), from, data)
  }

  /**
   * A trunk as it was saved in `folder` with the head above it, by {@link Head.save} or `widehead train`.
   *
   * @param folder a folder of checkpoints, or one checkpoint
   * @param options the ranks that it is to lie on, all of which load it
   * @throws as a rejection: WIDEHEAD_FILE, if there is none or it is damaged; WIDEHEAD_OUT_OF_MEMORY
   */
  static load(
    folder: string,
    options: {
      /** From {@link mpi}. Default: this process alone. */
      distributed?: Communicator
    } = {},
  ): Promise<Trunk> {
    return loadTrunkAs(folder, (own) => new Trunk(own), options.distributed)
  }

  /** @internal What a checkpoint keeps of it. */
  [STATE](): State {
    const config = this.options
    const trunk = this.#open()
    return { snapshot: () => trunk.snapshot(), step: 0, kind: 'trunk', config, resolved: config }
  }

  /** @internal */
  [RESTORE](): NativeTrunk {
    return this.#open()
  }

  /** Frees the memory. May be called again; everything else throws WIDEHEAD_CLOSED afterwards. */
  close(): void {
    this.#native?.close()
    this.#native = undefined
  }

  /** close(), for `using trunk = ...`. */
  [Symbol.dispose](): void {
    this.close()
  }

  #open(): NativeTrunk {
    if (this.#native === undefined) throw new WideheadError('WIDEHEAD_CLOSED', 'the trunk is closed')
    return this.#native
  }
}

function readBackward(dHidden: Float32Array, options: { learningRate: number }): number {
  checkArray('dHidden', dHidden, Float32Array)
  checkObject('options', options)
  // What overflows float32 is Infinity there, and its product with a gradient of 0 is NaN.
  return checkNumber('learningRate', options.learningRate, 0, 3e38)
}
