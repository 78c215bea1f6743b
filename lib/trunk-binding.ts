// What native/addon/trunk_wrap.cc exports. It trusts types and lengths, and checks contents.

import type { NativeOptimizer } from './optimizer.js'
import type { NativeState } from './state-binding.js'
import type { Activation, Combine, ResolvedTrunkOptions } from './trunk-options.js'

type Ids = Int32Array | Uint32Array
type Numbers = Float32Array | Uint32Array

/** Every field is present, whatever the optimiser's kind. */
export interface NativeTrunkOptions extends Omit<ResolvedTrunkOptions, 'optimizer' | 'clipNorm'> {
  optimizer: NativeOptimizer
  /** Infinity for none. */
  clipNorm: number
  /** The handle of a communicator of several ranks, and in words what must be the same on all. */
  comm?: unknown
  recipe?: string
}

export interface NativeTrunk extends NativeState {
  forward(hidden: Float32Array, indptr: Ids, indices: Ids, values?: Float32Array): void
  evaluate(hidden: Float32Array, indptr: Ids, indices: Ids, values?: Float32Array): void
  backward(dHidden: Float32Array, learningRate: number): number
  backwardAsync(dHidden: Float32Array, learningRate: number): Promise<number>
  /** The arrays of the optimisers' state. `perRow`: one element a row of the parameter, or else one for each of its elements. */
  state(): { parameter: number; name: string; perRow: boolean; type: 'float32' | 'uint32' }[]
  /** Fills `out` with a tensor's elements from `offset` on. Tensors are the parameters, then state(), by their places. */
  read(out: Numbers, tensor: number, offset: number): void
  /** Throws unless the tensor may hold all values. */
  check(name: string, data: Numbers, tensor: number): void
  write(data: Numbers, tensor: number, offset: number): void
  close(): void
}

export interface TrunkBinding {
  Trunk: new (options: NativeTrunkOptions) => NativeTrunk
  trunkNames(): { combine: Combine[]; activation: Activation[]; optimizer: string[] }
}
