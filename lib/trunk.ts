// The network below an output head: embeddings of ids, and dense layers above them.

import { allocate, checkArray, checkInteger, checkNumber, checkObject } from './check.js'
import { rangeError, typed, typeError, WideheadError } from './errors.js'
import { native } from './native.js'
import type { NativeTrunk } from './trunk-binding.js'
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

export interface ParameterShape {
  /** 'embedding', 'layers.0.weight', 'layers.0.bias', 'layers.1.weight', ... */
  name: string
  shape: number[]
}

export interface Parameter extends ParameterShape {
  /** Row-major. */
  data: Float32Array
}

function product(shape: number[]): number {
  return shape.reduce((size, length) => size * length, 1)
}

function shapesOf({ vocabularySize, embeddingSize, slots, layers }: ResolvedTrunkOptions): ParameterShape[] {
  const shapes = [{ name: 'embedding', shape: [vocabularySize, embeddingSize] }]
  let inputs = slots * embeddingSize
  for (const [k, { size }] of layers.entries()) {
    shapes.push({ name: `layers.${k}.weight`, shape: [size, inputs] }, { name: `layers.${k}.bias`, shape: [size] })
    inputs = size
  }
  return shapes
}

/** Turns bags of ids into hidden vectors, and gradients for those into updates of its own weights. */
export class Trunk {
  readonly options: ResolvedTrunkOptions
  readonly vocabularySize: number
  readonly hiddenSize: number
  #native: NativeTrunk | undefined
  #shapes: ParameterShape[]

  constructor(options: TrunkOptions) {
    this.options = resolveTrunkOptions(options)
    this.vocabularySize = this.options.vocabularySize
    this.hiddenSize = this.options.layers.at(-1)?.size ?? this.options.slots * this.options.embeddingSize
    this.#shapes = shapesOf(this.options)
    this.#native = new native.Trunk(nativeTrunkOptions(this.options))
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
    return this.#shapes.map(({ name, shape }) => ({ name, shape: [...shape] }))
  }

  /** Copies of the parameters, or of those that are named. A table too large for one array: see rows(). */
  parameters(names: readonly string[] = this.#shapes.map(({ name }) => name)): Parameter[] {
    const trunk = this.#open()
    return names.map((name) => {
      const number = this.#find('names', name)
      const { shape } = this.#shapes[number]
      const data = allocate(name, product(shape))
      trunk.read(data, number, 0)
      return { name, shape: [...shape], data }
    })
  }

  /**
   * Sets the parameters that are listed; all of them are checked before the first is changed. What the optimiser has
   * gathered stays; a forward() made before can no longer go backward.
   */
  setParameters(list: readonly Parameter[]): void {
    const trunk = this.#open()
    if (!Array.isArray(list)) throw typeError(`list must be an array of parameters, got ${typeof list}`)
    const checked = new Map<number, Float32Array>()
    for (const [i, parameter] of list.entries()) {
      const { number, data } = this.#check(`list[${i}]`, parameter)
      if (checked.has(number)) throw rangeError(`list[${i}].name must occur once, got '${parameter.name}' again`)
      trunk.check(`list[${i}].data`, data)
      checked.set(number, data)
    }
    for (const [number, data] of checked) trunk.write(data, number, 0)
  }

  /** A copy of rows `from` to `to - 1` of the embedding table. */
  rows(from: number, to: number): Float32Array {
    const trunk = this.#open()
    checkInteger('from', from, 0, this.vocabularySize)
    checkInteger('to', to, from, this.vocabularySize)
    const data = allocate('rows', (to - from) * this.options.embeddingSize)
    if (data.length > 0) trunk.read(data, 0, from * this.options.embeddingSize)
    return data
  }

  /** Sets rows of the embedding table from row `from` on, as setParameters() does. */
  setRows(from: number, data: Float32Array): void {
    const trunk = this.#open()
    const { embeddingSize } = this.options
    checkInteger('from', from, 0, this.vocabularySize)
    checkArray('data', data, Float32Array)
    if (data.length % embeddingSize !== 0 || from + data.length / embeddingSize > this.vocabularySize) {
      const most = this.vocabularySize - from
      throw rangeError(`data must be 0 to ${most} rows of ${embeddingSize} numbers, got ${data.length} numbers`)
    }
    trunk.check('data', data)
    if (data.length > 0) trunk.write(data, 0, from * embeddingSize)
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

  #find(argument: string, name: unknown): number {
    const number = this.#shapes.findIndex((known) => known.name === name)
    if (number < 0) {
      const names = this.#shapes.map((known) => known.name).join(', ')
      throw rangeError(`${argument} must be among ${names}, got ${String(name)}`)
    }
    return number
  }

  #check(argument: string, parameter: unknown): { number: number; data: Float32Array } {
    checkObject(argument, parameter)
    const { name, shape, data } = parameter as Partial<Parameter>
    const number = this.#find(`${argument}.name`, name)
    const expected = this.#shapes[number].shape
    if (!Array.isArray(shape) || shape.length !== expected.length || shape.some((n, i) => n !== expected[i])) {
      throw rangeError(`${argument}.shape must be [${expected}] for '${name}', got [${String(shape)}]`)
    }
    checkArray(`${argument}.data`, data, Float32Array)
    const length = product(expected)
    if (data.length !== length) throw rangeError(`${argument}.data must have ${length} numbers, got ${data.length}`)
    return { number, data }
  }
}
