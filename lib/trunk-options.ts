// Options of a trunk: their checks and defaults.

import { checkInteger, checkNumber, checkObject, oneOf } from './check.js'
import type { Communicator } from './distributed/communicator.js'
import { nativeDistributed } from './distributed/options.js'
import { rangeError, typeError } from './errors.js'
import { nativeOptimizer, type Optimizer, readOptimizer } from './optimizer.js'
import type { NativeTrunkOptions } from './trunk-binding.js'

/**
 * What the sum of the embeddings of a bag of n entries is divided by: 1, n or sqrt(n).
 *
 * @category Trunk
 */
export type Combine = 'sum' | 'mean' | 'sqrt'
/**
 * What a dense layer does to its outputs.
 *
 * @category Trunk
 */
export type Activation = 'tanh' | 'relu' | 'linear'

/**
 * A dense layer with biases.
 *
 * @category Trunk
 */
export interface TrunkLayer {
  /** Its number of outputs, 1 to 65536. */
  size: number
  /** What is done to them. */
  activation: Activation
}

/**
 * `adagrad` with `rowwise` (the default) has one sum of mean squared gradients for each row of the embeddings.
 *
 * @category Trunk
 */
export type TrunkOptimizer = Optimizer

/**
 * Options of {@link Trunk}.
 *
 * @category Trunk
 */
export interface TrunkOptions {
  /** Rows of the embedding table, 1 to 2^31 - 1. */
  vocabularySize: number
  /** Numbers of one embedding, 1 to 65536; slots * embeddingSize is at most 2^20. */
  embeddingSize: number
  /** Bags of ids an example has, 1 to 65536; their embeddings follow one another in its hidden vector. Default 1. */
  slots?: number
  /** A bag of n entries is the weighted sum of their embeddings, divided by 1, n or sqrt(n). Default 'sum'. */
  combine?: Combine
  /** Dense layers above the embeddings, first to last. Default none. */
  layers?: readonly TrunkLayer[]
  /**
   * Default adagrad, row-wise: a row that is not in the minibatch has no gradient and truly stays as it is, rare ids keep
   * their long steps, the scale of the loss does not matter, and it costs 4 bytes a row.
   */
  optimizer?: TrunkOptimizer
  /** If the norm of all the trunk's gradients is larger, they are scaled down to it. Above 0. Default: no limit. */
  clipNorm?: number
  /** Standard deviation of the starting embeddings (normal), 0 to 1e6. Default 1 / sqrt(embeddingSize): rows of length 1. */
  embeddingScale?: number
  /** Seed of the starting weights: a whole number from 0 to 2^53 - 1. Default 0. */
  seed?: number
  /**
   * Of several ranks (`mpi()`), each of which makes the same trunk with the same options: each sends its own examples forward, of which it
   * may have none, and backwardAsync() makes the same update on all, by the gradient of all examples.
   */
  distributed?: Communicator
}

/**
 * The options with every default filled in; plain data, as good as the options to make the same trunk again. Its fields are those of
 * {@link TrunkOptions}.
 *
 * @category Trunk
 */
export interface ResolvedTrunkOptions {
  /** {@inheritDoc TrunkOptions.vocabularySize} */
  readonly vocabularySize: number
  /** {@inheritDoc TrunkOptions.embeddingSize} */
  readonly embeddingSize: number
  /** {@inheritDoc TrunkOptions.slots} */
  readonly slots: number
  /** {@inheritDoc TrunkOptions.combine} */
  readonly combine: Combine
  /** {@inheritDoc TrunkOptions.layers} */
  readonly layers: readonly Readonly<TrunkLayer>[]
  /** {@inheritDoc TrunkOptions.optimizer} */
  readonly optimizer: Readonly<TrunkOptimizer>
  /** {@inheritDoc TrunkOptions.clipNorm} */
  readonly clipNorm?: number
  /** {@inheritDoc TrunkOptions.embeddingScale} */
  readonly embeddingScale: number
  /** {@inheritDoc TrunkOptions.seed} */
  readonly seed: number
}

export const COMBINES: readonly Combine[] = ['sum', 'mean', 'sqrt']
export const ACTIVATIONS: readonly Activation[] = ['tanh', 'relu', 'linear']
const MAX_EMBEDDED = 2 ** 20

function readLayers(layers: unknown): readonly TrunkLayer[] {
  if (!Array.isArray(layers)) throw typeError(`layers must be an array, got ${typeof layers}`)
  return layers.map((layer, k) => {
    checkObject(`layers[${k}]`, layer)
    const { size, activation } = layer as TrunkLayer
    return Object.freeze({
      size: checkInteger(`layers[${k}].size`, size, 1, 65536),
      activation: oneOf(`layers[${k}].activation`, activation, ACTIVATIONS),
    })
  })
}

function readClipNorm(clipNorm: number | undefined): { clipNorm?: number } {
  if (clipNorm === undefined || clipNorm === Number.POSITIVE_INFINITY) return {}
  if (checkNumber('clipNorm', clipNorm, 0) === 0) throw rangeError('clipNorm must be above 0, got 0')
  return { clipNorm }
}

export function resolveTrunkOptions(options: TrunkOptions): ResolvedTrunkOptions {
  checkObject('options', options)
  const embeddingSize = checkInteger('embeddingSize', options.embeddingSize, 1, 65536)
  const slots = checkInteger('slots', options.slots ?? 1, 1, 65536)
  if (slots * embeddingSize > MAX_EMBEDDED) {
    throw rangeError(`slots * embeddingSize must be at most ${MAX_EMBEDDED}, got ${slots * embeddingSize}`)
  }
  return Object.freeze({
    vocabularySize: checkInteger('vocabularySize', options.vocabularySize, 1, 2 ** 31 - 1),
    embeddingSize,
    slots,
    combine: oneOf('combine', options.combine ?? 'sum', COMBINES),
    layers: Object.freeze(readLayers(options.layers ?? [])),
    optimizer: Object.freeze(readOptimizer(options.optimizer ?? { kind: 'adagrad' })),
    ...readClipNorm(options.clipNorm),
    embeddingScale: checkNumber('embeddingScale', options.embeddingScale ?? 1 / Math.sqrt(embeddingSize), 0, 1e6),
    seed: checkInteger('seed', options.seed ?? 0, 0, Number.MAX_SAFE_INTEGER),
  })
}

export function nativeTrunkOptions(options: ResolvedTrunkOptions, communicator?: Communicator): NativeTrunkOptions {
  return {
    ...nativeDistributed(communicator, options),
    ...options,
    clipNorm: options.clipNorm ?? Number.POSITIVE_INFINITY,
    optimizer: nativeOptimizer(options.optimizer),
  }
}
