// Small heads on a stream on which the exact head makes corrections now and then, and their whole state as an array.

import { type ApplyOptions, type Head, type HeadOptions, squaredError } from '../../lib/index.js'
import { range } from '../judge/compare.js'
import { Random } from '../judge/random.js'
import { type Batch, Stream, type StreamOptions } from '../judge/stream.js'
import type { CreateHead } from './head-suite.js'

export const size = { numClasses: 150, hiddenSize: 12 }
const LEARNING_RATE = 0.03

export function randomInit(seed: number, bias = false, { numClasses, hiddenSize } = size): HeadOptions['init'] {
  const random = new Random(seed)
  const weights = Float32Array.from(random.normals(numClasses * hiddenSize, 0.2))
  return { kind: 'weights', weights, ...(bias ? { biases: Float32Array.from(random.normals(numClasses, 0.2)) } : {}) }
}

export function smallHead(create: CreateHead, changes: Partial<HeadOptions> = {}): Head {
  return create({ ...size, loss: squaredError(), bias: true, init: randomInit(1, changes.bias ?? true), ...changes })
}

export function batches(count: number, changes: Partial<StreamOptions> = {}): Batch[] {
  const stream = new Stream({ ...size, batchSize: 8, seed: 2, targets: 'weights', ...changes })
  return Array.from({ length: count }, () => stream.next())
}

export function train(head: Head, examples: Batch[], options: ApplyOptions = { learningRate: LEARNING_RATE }): void {
  for (const { hidden, targets } of examples) head.step(hidden, targets, options)
}

/** All weights and biases. */
export function weightsOf(head: Head): Float32Array {
  const all = range(0, head.numClasses)
  return Float32Array.from([...head.rows(all), ...head.biases(all)])
}

/** Weights, and the results of steps that follow: equal only if the whole state was. */
export function fate(head: Head): unknown[] {
  const weights = weightsOf(head)
  const results = batches(5, { seed: 99 }).map(({ hidden, targets }) =>
    head.step(hidden, targets, { learningRate: 0.03 }),
  )
  return [weights, ...results, weightsOf(head)]
}

/** Transfers the memory of an array away: its length becomes 0. */
export function detach(array: Float32Array | Int32Array | Uint32Array): void {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] })
}
