// What a head is made from. D = numClasses, d = hiddenSize.

import type { Communicator } from '../distributed/communicator.js'
import type { Loss } from '../losses.js'
import type { Optimizer } from '../optimizer.js'

/**
 * Starting weights: all 0, drawn at random (biases then are 0), or given, which are copied.
 *
 * @category Options of heads
 */
export type Init =
  | { kind: 'zeros' }
  | {
      kind: 'normal'
      /** Standard deviation, 0 to 1e6. */
      scale: number
    }
  | {
      kind: 'uniform'
      /** Weights are drawn from -scale to scale, 0 to 1e6. */
      scale: number
    }
  | {
      kind: 'weights'
      /** W, D * d, row-major. */
      weights: Float32Array
      /** One a class, D, for a head with biases. Default 0. */
      biases?: Float32Array
    }

/**
 * Options of every head.
 *
 * @category Options of heads
 */
export interface CommonOptions {
  /** D, 1 to 2^31 - 1. */
  numClasses: number
  /** d, the length of one hidden vector, 1 to 65536. */
  hiddenSize: number
  /** One bias a class, trained with the weights (an added feature that is always 1). Default false. */
  bias?: boolean
  /** Starting weights. Default: the loss's own (`loss.defaultInit`). */
  init?: Init
  /** Seed of random starting weights, and of all else that a head draws: a whole number from 0 to 2^53 - 1. Default 0. */
  seed?: number
  /**
   * Of several ranks (`mpi()`), each of which makes the same head with the same options: the head then lies on all of them, each with the
   * rows of its own classes. Its asynchronous calls are made by all ranks, each with its own examples, of which a rank may have none: a
   * step is one step on the minibatches of all. Synchronous calls that need the others are refused.
   */
  distributed?: Communicator
}

/**
 * Options of a head that takes any loss of the spherical family.
 *
 * @category Options of heads
 */
export interface HeadOptions extends CommonOptions {
  /** From {@link squaredError}, {@link zLoss}, {@link customLoss} or another function of this package. */
  loss: Loss
}

/**
 * Options of a head that has a loss of its own and a row of weights for each class.
 *
 * @category Options of heads
 */
export interface RowHeadOptions extends CommonOptions {
  /**
   * How the rows of W are changed; its state is kept a row. Default sgd, so that a learning rate means the same in every head.
   * Rows that a step does not touch stay as they are, weight decay and the averages of adam included, which counts the
   * steps of each row.
   */
  optimizer?: Optimizer
}
