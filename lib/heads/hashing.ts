// Options of the heads that find classes by hashing the rows of W: checked, with their defaults filled in.

import { checkBoolean, checkInteger } from '../check.js'
import { rangeError } from '../errors.js'
import { nativeOptimizer, readOptimizer } from '../optimizer.js'
import type { RowHeadOptions } from './types.js'

/**
 * What heads that hash the rows of W have in common. Counts are whole numbers from 1.
 *
 * @category Options of heads
 */
export interface HashedHeadOptions extends RowHeadOptions {
  /** Buckets of a table, as a power of two, 1 to 24: longer keys are folded. Default 16. */
  rangePower?: number
  /**
   * Steps after which the rows that have changed are hashed again, the others keeping their place: no row is found by weights older
   * than that. Default 64.
   */
  rehashEvery?: number
  /**
   * Ids looked at in one bucket. In a longer bucket they are a run of it from a place that the seed, the step, the table and the bucket
   * draw. It bounds the cost while many rows are still alike, as all are that start with zeros. Default 512.
   */
  bucketLimit?: number
  /** Each example sees the candidates of its own alone, as published. Default false: all see all of the minibatch's. */
  perExample?: boolean
}

export interface HashShape {
  hash: 'simhash' | 'wta' | 'dwta'
  tables: number
  hashesPerTable: number
  window: number
}

/** Coordinates that a winner-take-all hash compares. Default: the most up to 8 that the hashed vectors have. */
export function readWindow({ hiddenSize, bias, window }: HashedHeadOptions & { window?: number }): number {
  const features = hiddenSize + (bias ? 1 : 0)
  return checkWindow(window ?? Math.min(8, 2 ** Math.floor(Math.log2(features))), features)
}

function checkWindow(window: number, features: number): number {
  checkInteger('window', window, 1, 256)
  if (window & (window - 1)) throw rangeError(`window must be a power of two, got ${window}`)
  if (window > features) {
    throw rangeError(`window must be at most the length of the hashed vectors, ${features}, got ${window}`)
  }
  return window
}

/** Hashes of `window` values each that make a key. Default: as many as leave some 16 classes in a bucket. */
export function readKey(name: string, hashes: number | undefined, window: number, numClasses: number): number {
  const bits = Math.round(Math.log2(window))
  return checkKey(name, hashes ?? defaultHashes(numClasses, bits), bits)
}

export function defaultHashes(numClasses: number, bits: number): number {
  const fill = 4 // classes in a bucket, as a power of two
  return Math.max(
    1,
    Math.min(Math.round((Math.log2(numClasses) - fill) / Math.max(1, bits)), Math.floor(24 / Math.max(1, bits))),
  )
}

function checkKey(name: string, hashes: number, bits: number): number {
  checkInteger(name, hashes, 1, 64)
  if (hashes * bits > 64)
    throw rangeError(`${name} must make keys of at most 64 bits, got ${hashes} of ${bits} bits each`)
  return hashes
}

export function hashedOptions(options: HashedHeadOptions, shape: HashShape): object {
  return {
    ...shape,
    optimizer: nativeOptimizer(readOptimizer(options.optimizer ?? { kind: 'sgd' })),
    rangePower: checkInteger('rangePower', options.rangePower ?? 16, 1, 24),
    rehashEvery: checkInteger('rehashEvery', options.rehashEvery ?? 64, 1, 0x7fffffff),
    bucketLimit: checkInteger('bucketLimit', options.bucketLimit ?? 512, 1, 0x7fffffff),
    perExample: checkBoolean('perExample', options.perExample ?? false),
  }
}
