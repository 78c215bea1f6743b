// The network below an output head: embeddings of ids, and dense layers above them.

import { allocate, checkArray, checkNumber, checkObject } from './check.js'
import { loadTrunkAs, RESTORE } from './checkpoint/load-head.js'
import { STATE, type State } from './checkpoint/save.js'
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

/** Turns bags of ids into hidden vectors, and gradients for those into updates of its own weights. */
export class Trunk {
  readonly options: ResolvedTrunkOptions
  readonly vocabularySize: number
  readonly hiddenSize: number
  #native: NativeTrunk | undefined
  readonly #parameters: readonly Tensor[]
  readonly #state: readonly Tensor[]

  constructor(options: TrunkOptions) {
    this.options = resolveTrunkOptions(options)
    this.vocabularySize = this.options.vocabularySize
    this.hiddenSize = this.options.layers.at(-1)?.size ?? this.options.slots * this.options.embeddingSize
    this.#native = new native.Trunk(nativeTrunkOptions(this.options))
    this.#parameters = parametersOf(this.options)
    this.#state = stateOf(this.#native, this.#parameters)
  }

  get closed(): boolean {
    return this.#native === undefined
  }

  /** Hidden vectors of m examples, m * hiddenSize. Keeps what one backward() needs. */
  forward(input: BagInput): Float32Array {
    const trunk = this.#open()
    const { examples, indptr, indices, values } = readBags(input, this.options.slots)
    const hidden = allocate('hidden', examples * this.hiddenSize)
    trunk.forward(hidden, indptr, indices, values)
    return hidden
  }

  /** The same numbers as forward(), without keeping anything: the last forward() can still go backward. */
  evaluate(input: BagInput): Float32Array {
    const trunk = this.#open()
    const { examples, indptr, indices, values } = readBags(input, this.options.slots)
    const hidden = allocate('hidden', examples * this.hiddenSize)
    trunk.evaluate(hidden, indptr, indices, values)
    return hidden
  }

  /**
   * Makes the update for the minibatch of the last forward(), once. `dHidden` is the gradient of the loss for its hidden
   * vectors; `gradNorm` is the norm of the gradient for all parameters, before clipping.
   */
  backward(dHidden: Float32Array, options: { learningRate: number }): { gradNorm: number } {
    const trunk = this.#open()
    checkArray('dHidden', dHidden, Float32Array)
    checkObject('options', options)
    // What overflows float32 is Infinity there, and its product with a gradient of 0 is NaN.
    const learningRate = checkNumber('learningRate', options.learningRate, 0, 3e38)
    try {
      return { gradNorm: trunk.backward(dHidden, learningRate) }
    } catch (error) {
      throw typed(error)
    }
  }

  /** Names and shapes of the parameters. */
  shapes(): ParameterShape[] {
    return this.#parameters.map(({ name, shape }) => ({ name, shape: [...shape] }))
  }

  /** Copies of the parameters, or of those that are named. A table too large for one array: see rows(). */
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
   */
  setParameters(list: readonly Parameter[]): void {
    writeTensors(this.#open(), this.#parameters, list, 'parameters')
  }

  /** A copy of rows `from` to `to - 1` of the embedding table. */
  rows(from: number, to: number): Float32Array {
    return readRows(this.#open(), this.#parameters[0], from, to) as Float32Array
  }

  /** Sets rows of the embedding table from row `from` on, as setParameters() does. */
  setRows(from: number, data: Float32Array): void {
    writeRows(this.#open(), this.#parameters[0], from, data)
  }

  /** Names, shapes and types of what the optimiser has gathered: with the parameters, all that a trunk goes on from. */
  stateShapes(): StateShape[] {
    return this.#state.map(({ name, shape, type }) => ({ name, shape: [...shape], type }))
  }

  /** Copies of the optimiser's state, or of the arrays that are named. One too large for one array: see stateRows(). */
  state(names: readonly string[] = this.#state.map(({ name }) => name)): StateArray[] {
    const trunk = this.#open()
    return names.map((name) => readTensor(trunk, find('names', this.#state, name)))
  }

  /**
   * Sets the arrays of the optimiser's state that are listed, as setParameters() does. A trunk made with the same options
   * that gets another's parameters and state goes on as the other would have, bit for bit.
   */
  setState(list: readonly StateArray[]): void {
    writeTensors(this.#open(), this.#state, list, 'state arrays')
  }

  /** A copy of rows `from` to `to - 1` of an array of the state. */
  stateRows(name: string, from: number, to: number): Float32Array | Uint32Array {
    return readRows(this.#open(), find('name', this.#state, name), from, to)
  }

  /** Sets rows of an array of the state from row `from` on. Rows of zeros that are zeros already take no memory. */
  setStateRows(name: string, from: number, data: Float32Array | Uint32Array): void {
    writeRows(this.#open(), find('name', this.#state, name), from, data)
  }

  /** A trunk as it was saved in `folder` with the head above it, by `save` or `widehead train`. Errors: WIDEHEAD_FILE. */
  static load(folder: string): Promise<Trunk> {
    return loadTrunkAs(folder, (options) => new Trunk(options))
  }

  /** What a checkpoint keeps of it. */
  [STATE](): State {
    const config = this.options
    return { snapshot: this.#open().snapshot(), step: 0, kind: 'trunk', config, resolved: config }
  }

  [RESTORE](): NativeTrunk {
    return this.#open()
  }

  /** Frees the memory. May be called again; everything else throws WIDEHEAD_CLOSED afterwards. */
  close(): void {
    this.#native?.close()
    this.#native = undefined
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #open(): NativeTrunk {
    if (this.#native === undefined) throw new WideheadError('WIDEHEAD_CLOSED', 'the trunk is closed')
    return this.#native
  }
}
