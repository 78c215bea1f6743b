// The native trunk, and the named arrays that it goes on from: copies of them, and setting them.

import { WideheadError } from './errors.js'
import type { NativeTrunk } from './trunk-binding.js'
import type { ResolvedTrunkOptions } from './trunk-options.js'
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

export abstract class TrunkHandle {
  // Undefined once closed.
  #native: NativeTrunk | undefined
  readonly #parameters: readonly Tensor[]
  readonly #state: readonly Tensor[]

  protected constructor(trunk: NativeTrunk, options: ResolvedTrunkOptions) {
    this.#native = trunk
    this.#parameters = parametersOf(options)
    this.#state = stateOf(trunk, this.#parameters)
  }

  /** True once close() was called. */
  get closed(): boolean {
    return this.#native === undefined
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
    const trunk = this.open()
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
    writeTensors(this.open(), this.#parameters, list, 'parameters')
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
    return readRows(this.open(), this.#parameters[0], from, to) as Float32Array
  }

  /**
   * Sets rows of the embedding table, as setParameters() does.
   *
   * @param from the first row, from 0
   * @param data whole rows, row-major, finite
   * @throws a TypeError or RangeError; WIDEHEAD_CLOSED
   */
  setRows(from: number, data: Float32Array): void {
    writeRows(this.open(), this.#parameters[0], from, data)
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
    const trunk = this.open()
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
    writeTensors(this.open(), this.#state, list, 'state arrays')
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
    return readRows(this.open(), find('name', this.#state, name), from, to)
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
    writeRows(this.open(), find('name', this.#state, name), from, data)
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

  protected open(): NativeTrunk {
    if (this.#native === undefined) throw new WideheadError('WIDEHEAD_CLOSED', 'the trunk is closed')
    return this.#native
  }
}
