// A trunk in float64 as plain loops, its gradient by finite differences, and a small trunk and inputs to try it with.

import type { BagInput, Parameter, ResolvedTrunkOptions, Trunk, TrunkOptions } from '../lib/trunk.js'

export const SMALL: TrunkOptions = {
  vocabularySize: 20,
  embeddingSize: 6,
  slots: 2,
  combine: 'sqrt',
  layers: [
    { size: 9, activation: 'tanh' },
    { size: 5, activation: 'relu' },
  ],
  optimizer: { kind: 'sgd' },
  seed: 3,
}

export function bytesOf(trunk: Trunk): string {
  return trunk
    .parameters()
    .map(({ data }) => Buffer.from(data.buffer).toString('hex'))
    .join()
}

/** A small generator of its own: the tests must not lean on what they test. */
function generator(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** Bags of 0 to 4 ids, with duplicates and weights from -1 to 1. */
export function randomInput({ slots, vocabularySize }: ResolvedTrunkOptions, m: number, seed: number) {
  const random = generator(seed)
  const indptr = [0]
  const indices: number[] = []
  for (let bag = 0; bag < m * slots; bag++) {
    for (let n = Math.floor(random() * 5); n > 0; n--) indices.push(Math.floor(random() ** 2 * vocabularySize))
    indptr.push(indices.length)
  }
  const values = Float32Array.from(indices, () => 2 * random() - 1)
  return { indptr: Int32Array.from(indptr), indices: Int32Array.from(indices), values } satisfies BagInput
}

export function randomGradient(length: number, seed: number): Float32Array {
  const random = generator(seed)
  return Float32Array.from({ length }, () => 2 * random() - 1)
}

export function toFloat64(parameters: Parameter[]): number[][] {
  return parameters.map(({ data }) => Array.from(data))
}

const FACTORS = { sum: () => 1, mean: (n: number) => 1 / n, sqrt: (n: number) => 1 / Math.sqrt(n) }
const ACTIVATIONS = { tanh: Math.tanh, relu: (z: number) => Math.max(z, 0), linear: (z: number) => z }

export function hiddenOf(parameters: number[][], options: ResolvedTrunkOptions, input: BagInput): number[] {
  const { embeddingSize, slots, combine, layers } = options
  const m = (input.indptr.length - 1) / slots
  let x: number[] = Array(m * slots * embeddingSize).fill(0)
  for (let bag = 0; bag < m * slots; bag++) {
    const [begin, end] = [input.indptr[bag], input.indptr[bag + 1]]
    for (let i = begin; i < end; i++) {
      const weight = FACTORS[combine](end - begin) * (input.values?.[i] ?? 1)
      for (let j = 0; j < embeddingSize; j++) {
        x[bag * embeddingSize + j] += weight * parameters[0][input.indices[i] * embeddingSize + j]
      }
    }
  }
  for (const [k, { size, activation }] of layers.entries()) {
    const [weight, bias] = [parameters[1 + 2 * k], parameters[2 + 2 * k]]
    const inputs = x.length / m
    const y: number[] = []
    for (let i = 0; i < m; i++) {
      for (let o = 0; o < size; o++) {
        let z = bias[o]
        for (let p = 0; p < inputs; p++) z += weight[o * inputs + p] * x[i * inputs + p]
        y.push(ACTIVATIONS[activation](z))
      }
    }
    x = y
  }
  return x
}

/** Gradient of sum dHidden * hidden for every parameter, by central differences. */
export function numericGradient(
  parameters: number[][],
  options: ResolvedTrunkOptions,
  input: BagInput,
  dHidden: Float32Array,
): number[][] {
  const loss = () => hiddenOf(parameters, options, input).reduce((sum, h, i) => sum + h * dHidden[i], 0)
  return parameters.map((parameter) =>
    parameter.map((w, i) => {
      const h = 1e-6
      parameter[i] = w + h
      const above = loss()
      parameter[i] = w - h
      const below = loss()
      parameter[i] = w
      return (above - below) / (2 * h)
    }),
  )
}
