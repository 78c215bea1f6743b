// What native/addon/trunk_wrap.cc exports. It trusts types and lengths, and checks contents.

import type { NativeOptimizer } from './optimizer.js'
import type { Activation, Combine, ResolvedTrunkOptions } from './trunk-options.js'

type Ids = Int32Array | Uint32Array

/** Every field is present, whatever the optimiser's kind. */
export interface NativeTrunkOptions extends Omit<ResolvedTrunkOptions, 'optimizer' | 'clipNorm'> {
  optimizer: NativeOptimizer
  /** Infinity for none. */
  clipNorm: number
}

export interface NativeTrunk {
  forward(hidden: Float32Array, indptr: Ids, indices: Ids, values?: Float32Array): void
  evaluate(hidden: Float32Array, indptr: Ids, indices: Ids, values?: Float32Array): void
  backward(dHidden: Float32Array, learningRate: number): number
  /** Fills `out` with a parameter's elements from `offset` on; parameters by their place in shapes(). */
  read(out: Float32Array, parameter: number, offset: number): void
  /** Throws unless all values are finite. */
  check(name: string, data: Float32Array): void
  write(data: Float32Array, parameter: number, offset: number): void
  close(): void
}

export interface TrunkBinding {
  Trunk: new (options: NativeTrunkOptions) => NativeTrunk
  trunkNames(): { combine: Combine[]; activation: Activation[]; optimizer: string[] }
}
