// Rows of W as the core gives them, the bias of each behind its weights, taken apart.

import type { Head } from './types.js'

type Shape = Pick<Head, 'hiddenSize' | 'bias'>

export function weightsOf(all: Float32Array, { hiddenSize: d, bias }: Shape): Float32Array {
  if (!bias) return all
  const weights = new Float32Array((all.length / (d + 1)) * d)
  for (let i = 0; i * d < weights.length; i++) weights.set(all.subarray(i * (d + 1), i * (d + 1) + d), i * d)
  return weights
}

/** Zeros where there are none. */
export function biasesOf(all: Float32Array, { hiddenSize: d, bias }: Shape): Float32Array {
  if (!bias) return new Float32Array(all.length / d)
  return Float32Array.from({ length: all.length / (d + 1) }, (_, i) => all[i * (d + 1) + d])
}
