// The named arrays of a trunk, its parameters and the state of its optimisers: copies out of the core and back.

import { allocate, checkArray, checkInteger, checkObject } from './check.js'
import { rangeError, typeError } from './errors.js'
import type { NativeTrunk } from './trunk-binding.js'
import type { ResolvedTrunkOptions } from './trunk-options.js'

/**
 * Name and shape of a parameter.
 *
 * @category Trunk
 */
export interface ParameterShape {
  /** 'embedding', 'layers.0.weight', 'layers.0.bias', 'layers.1.weight', ... */
  name: string
  /** [rows, numbers of a row], or [numbers] of a bias; weights are [outputs, inputs]. */
  shape: number[]
}

/**
 * A parameter with its numbers.
 *
 * @category Trunk
 */
export interface Parameter extends ParameterShape {
  /** Row-major. */
  data: Float32Array
}

/**
 * Name, shape and type of an array that an optimiser keeps.
 *
 * @category Trunk
 */
export interface StateShape {
  /**
   * A parameter's name and what its optimiser keeps for it: 'embedding.sums' (adagrad), 'layers.0.bias.means',
   * '.squares' and '.steps' (adam). sgd keeps nothing.
   */
  name: string
  /** The parameter's shape, or [rows] where a row has one number. */
  shape: number[]
  /** uint32 for counts of steps, float32 for all else. */
  type: 'float32' | 'uint32'
}

/**
 * An array that an optimiser keeps, with its numbers.
 *
 * @category Trunk
 */
export interface StateArray extends StateShape {
  /** Row-major; zeros where nothing was trained. */
  data: Float32Array | Uint32Array
}

/** `number`: its place among the tensors of the core. */
export type Tensor = StateShape & { number: number }

function product(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1)
}

export function parametersOf({ vocabularySize, embeddingSize, slots, layers }: ResolvedTrunkOptions): Tensor[] {
  const shapes = [{ name: 'embedding', shape: [vocabularySize, embeddingSize] }]
  let inputs = slots * embeddingSize
  for (const [k, { size }] of layers.entries()) {
    shapes.push({ name: `layers.${k}.weight`, shape: [size, inputs] }, { name: `layers.${k}.bias`, shape: [size] })
    inputs = size
  }
  return shapes.map((shape, number) => ({ ...shape, type: 'float32', number }))
}

export function stateOf(trunk: NativeTrunk, parameters: readonly Tensor[]): Tensor[] {
  return trunk.state().map(({ parameter, name, perRow, type }, i) => {
    const { name: owner, shape } = parameters[parameter]
    const rows = shape.length === 1 ? 1 : shape[0] // a bias is one row
    return { name: `${owner}.${name}`, shape: perRow ? [rows] : shape, type, number: parameters.length + i }
  })
}

function allocateFor({ name, type }: Tensor, length: number): Float32Array | Uint32Array {
  const data = allocate(name, length)
  return type === 'float32' ? data : new Uint32Array(data.buffer)
}

function checkData(argument: string, data: unknown, { type }: Tensor): asserts data is Float32Array | Uint32Array {
  if (type === 'float32') checkArray(argument, data, Float32Array)
  else checkArray(argument, data, Uint32Array)
}

export function find(argument: string, tensors: readonly Tensor[], name: unknown): Tensor {
  const tensor = tensors.find((known) => known.name === name)
  if (tensor === undefined) {
    const names = tensors.map((known) => known.name).join(', ')
    throw rangeError(`${argument} must be among ${names || 'no names (sgd has no state)'}, got ${String(name)}`)
  }
  return tensor
}

export function readTensor(trunk: NativeTrunk, tensor: Tensor): StateArray {
  const data = allocateFor(tensor, product(tensor.shape))
  trunk.read(data, tensor.number, 0)
  return { name: tensor.name, shape: [...tensor.shape], type: tensor.type, data }
}

/** All of the list is checked before the first is written. */
export function writeTensors(trunk: NativeTrunk, tensors: readonly Tensor[], list: unknown, what: string): void {
  if (!Array.isArray(list)) throw typeError(`list must be an array of ${what}, got ${typeof list}`)
  const checked = new Map<number, Float32Array | Uint32Array>()
  for (const [i, entry] of list.entries()) {
    const { tensor, data } = checkEntry(`list[${i}]`, entry, tensors)
    if (checked.has(tensor.number)) throw rangeError(`list[${i}].name must occur once, got '${tensor.name}' again`)
    trunk.check(`list[${i}].data`, data, tensor.number)
    checked.set(tensor.number, data)
  }
  for (const [number, data] of checked) trunk.write(data, number, 0)
}

function checkEntry(argument: string, entry: unknown, tensors: readonly Tensor[]) {
  checkObject(argument, entry)
  const { name, shape, data } = entry as Partial<StateArray>
  const tensor = find(`${argument}.name`, tensors, name)
  const expected = tensor.shape
  if (!Array.isArray(shape) || shape.length !== expected.length || shape.some((n, i) => n !== expected[i])) {
    throw rangeError(`${argument}.shape must be [${expected}] for '${name}', got [${String(shape)}]`)
  }
  checkData(`${argument}.data`, data, tensor)
  const length = product(expected)
  if (data.length !== length) throw rangeError(`${argument}.data must have ${length} numbers, got ${data.length}`)
  return { tensor, data }
}

/** A copy of rows `from` to `to - 1`. */
export function readRows(trunk: NativeTrunk, tensor: Tensor, from: number, to: number): Float32Array | Uint32Array {
  const [rows, ...row] = tensor.shape
  const width = product(row)
  checkInteger('from', from, 0, rows)
  checkInteger('to', to, from, rows)
  const data = allocateFor(tensor, (to - from) * width)
  if (data.length > 0) trunk.read(data, tensor.number, from * width)
  return data
}

export function writeRows(trunk: NativeTrunk, tensor: Tensor, from: number, data: unknown): void {
  const [rows, ...row] = tensor.shape
  const width = product(row)
  checkInteger('from', from, 0, rows)
  checkData('data', data, tensor)
  if (data.length % width !== 0 || from + data.length / width > rows) {
    throw rangeError(`data must be 0 to ${rows - from} rows of ${width} numbers, got ${data.length} numbers`)
  }
  trunk.check('data', data, tensor.number)
  if (data.length > 0) trunk.write(data, tensor.number, from * width)
}
