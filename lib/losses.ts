// Losses of the spherical family: those that see the D outputs o of an example only through q = sum o_i^2, s = sum o_i and
// the outputs a of its target classes (Vincent et al. 2015; de Brebisson & Vincent, arXiv 1511.05042 and 1604.08859).

import { rangeError, typeError } from './errors.js'
import type { Init } from './heads/types.js'

/**
 * What a custom loss reads (q, s, a, indptr, values, numClasses) and fills (losses, gq, gs, ga) for one minibatch of m examples.
 * Its arrays are the loss's to keep for the length of the call; what is to be filled starts as zeros.
 *
 * @category Losses
 */
export interface LossBatch {
  /** Sum of the squared outputs of each example, m. */
  q: Float64Array
  /** Sum of the outputs of each example, m. */
  s: Float64Array
  /** Outputs of the targets, in the order of the targets' `indices`. */
  a: Float64Array
  /** Offsets of each example's targets in `a` and `values`, m + 1. */
  indptr: Uint32Array
  /** Weights (or target values) of the targets, in the order of `a`. */
  values: Float32Array
  /** D. */
  numClasses: number
  /** To fill: the loss of each example, m. */
  losses: Float64Array
  /** To fill: dLoss/dq of each example, m. */
  gq: Float64Array
  /** To fill: dLoss/ds of each example, m. */
  gs: Float64Array
  /** To fill: dLoss/da of each target, in the order of `a`, q and s held fixed. */
  ga: Float64Array
}

/**
 * The code of a custom loss: reads a minibatch and fills it in, before it returns.
 *
 * @category Losses
 */
export type CustomLossFunction = (batch: LossBatch) => void

/**
 * A loss, and what outputs trained with it mean, for those who rank or print them. Made by {@link squaredError} and the others.
 *
 * @category Losses
 */
export interface Loss {
  /** As on the command line, or what {@link customLoss} was given. */
  readonly name: string
  /** As the function that made it was given them, defaults filled in. */
  readonly parameters: Readonly<Record<string, number>>
  /** Classes are ranked by o, or by o^2 where the loss is even in o. */
  readonly ranking: 'logit' | 'square'
  /** True if exp(-loss) of a single target of weight 1 is its probability. */
  readonly probabilistic: boolean
  /** Starting weights used when a head is given none. */
  readonly defaultInit: Init
  /** Only of custom losses: their code. */
  readonly compute?: CustomLossFunction
}

const ZEROS: Init = { kind: 'zeros' }

function parameter(name: string, value: number, positive: boolean): number {
  if (typeof value !== 'number') throw typeError(`${name} must be a number, got ${typeof value}`)
  if (!Number.isFinite(value) || (positive ? value <= 0 : value < 0)) {
    throw rangeError(`${name} must be ${positive ? 'above 0' : 'at least 0'} and finite, got ${value}`)
  }
  return value
}

/**
 * ||o - y||^2 over all D outputs, y being the values of the targets and 0 elsewhere. Starts from zeros: the D outputs that should
 * be 0 are.
 *
 * @category Losses
 */
export function squaredError(): Loss {
  return { name: 'squared-error', parameters: {}, ranking: 'logit', probabilistic: false, defaultInit: ZEROS }
}

/**
 * negativeWeight * o_i^2 for each class that is no target, positiveWeight * (o_c - y_c)^2 for each target: squared error for
 * implicit feedback, where what was not chosen is only weak evidence (Hu, Koren and Volinsky 2008).
 *
 * @param options the two weights
 * @throws a TypeError or RangeError for a weight that is none
 * @category Losses
 */
export function weightedSquaredError(options: {
  /** Of classes that are no targets, at least 0. */
  negativeWeight: number
  /** Of targets, at least 0. Default 1. */
  positiveWeight?: number
}): Loss {
  const negativeWeight = parameter('negativeWeight', options.negativeWeight, false)
  const positiveWeight = parameter('positiveWeight', options.positiveWeight ?? 1, false)
  return {
    name: 'weighted-squared-error',
    parameters: { negativeWeight, positiveWeight },
    ranking: 'logit',
    probabilistic: false,
    defaultInit: ZEROS,
  }
}

/**
 * -sum y log p with p_i = (o_i^2 + epsilon) / (q + D epsilon): a softmax in which the exponential is a square (de Brebisson &
 * Vincent, arXiv 1511.05042). Classes are ranked by o^2.
 *
 * @param options epsilon
 * @throws a TypeError or RangeError for an epsilon that is none
 * @category Losses
 */
export function sphericalSoftmax(
  options: {
    /** Keeps p from 0; above 0. Default 0.01. */
    epsilon?: number
  } = {},
): Loss {
  const epsilon = parameter('epsilon', options.epsilon ?? 1e-2, true)
  return {
    name: 'spherical-softmax',
    parameters: { epsilon },
    ranking: 'square',
    probabilistic: true,
    // From zeros nothing moves: the gradient of o^2 at 0 is 0.
    defaultInit: { kind: 'normal', scale: 0.05 },
  }
}

/**
 * -sum y log p with p_i = (1 + o_i + o_i^2 / 2) / (D + s + q / 2): the exponential's second-order Taylor expansion, which is
 * above 0 everywhere (de Brebisson & Vincent, arXiv 1511.05042). Its numerator rises with |o + 1|; ranked by o.
 *
 * @category Losses
 */
export function taylorSoftmax(): Loss {
  return { name: 'taylor-softmax', parameters: {}, ranking: 'logit', probabilistic: true, defaultInit: ZEROS }
}

/**
 * sum y softplus(alpha (beta - z)) / alpha with z the target's output in standard deviations above the mean of all outputs
 * (de Brebisson & Vincent, arXiv 1604.08859): it asks that the target rank high, whatever the scale of the outputs. Where all
 * outputs are equal, z is 0 and the gradient too.
 *
 * @param options alpha and beta
 * @throws a TypeError or RangeError for a parameter that is none
 * @category Losses
 */
export function zLoss(
  options: {
    /** Steepness, above 0. Default 1. */
    alpha?: number
    /** Standard deviations above the mean that are enough, at least 0. Default 3. */
    beta?: number
  } = {},
): Loss {
  const alpha = parameter('alpha', options.alpha ?? 1, true)
  const beta = parameter('beta', options.beta ?? 3, false)
  return {
    name: 'z-loss',
    parameters: { alpha, beta },
    ranking: 'logit',
    probabilistic: false,
    // From zeros nothing moves: the outputs need a spread to be measured in. The loss does not depend on its size.
    defaultInit: { kind: 'normal', scale: 0.05 },
  }
}

/**
 * Any other loss of (q, s, a): `compute` is called once a minibatch and fills losses, gq, gs and ga of `batch` in place. A class
 * that an example names twice arrives once, its values added. Throwing, or leaving a value that is not finite, fails the step and
 * changes nothing. The head is busy during the call.
 *
 * ```ts
 * import { customLoss } from 'widehead'
 *
 * const squared = customLoss(({ q, a, indptr, values, losses, gq, ga }) => {
 *   for (let j = 0; j < q.length; j++) {
 *     losses[j] = q[j]
 *     gq[j] = 1
 *     for (let k = indptr[j]; k < indptr[j + 1]; k++) {
 *       losses[j] += values[k] * (values[k] - 2 * a[k])
 *       ga[k] = -2 * values[k]
 *     }
 *   }
 * })
 * ```
 *
 * @param compute the loss and its gradients for a minibatch
 * @param options what the package cannot know of it
 * @throws a TypeError if `compute` is no function
 * @category Losses
 */
export function customLoss(
  compute: CustomLossFunction,
  options: {
    /** For checkpoints, which hold no code: loading asks for a loss of this name. Default 'custom'. */
    name?: string
    /** As in {@link Loss}. Default 'logit'. */
    ranking?: 'logit' | 'square'
    /** As in {@link Loss}. Default false. */
    probabilistic?: boolean
    /** How weights start. Default normal with the standard deviation 0.05. */
    defaultInit?: Init
  } = {},
): Loss {
  if (typeof compute !== 'function') throw typeError(`compute must be a function, got ${typeof compute}`)
  return {
    name: options.name ?? 'custom',
    parameters: {},
    ranking: options.ranking ?? 'logit',
    probabilistic: options.probabilistic ?? false,
    defaultInit: options.defaultInit ?? { kind: 'normal', scale: 0.05 },
    compute,
  }
}

/**
 * -sum y log p with p = softmax(o), the values y as given: what the softmax heads have as their own loss. It sees all D
 * outputs apart from each other, so that no other head can take it.
 */
export const SOFTMAX: Loss = Object.freeze({
  name: 'softmax',
  parameters: {},
  ranking: 'logit',
  probabilistic: true,
  defaultInit: ZEROS,
})

/**
 * -sum y log p with p = exp(o) / Z, where Z takes the outputs that are not computed one by one for draws of a Gaussian: what
 * BulkSoftmaxHead has as its own loss.
 */
export const BULK_SOFTMAX: Loss = Object.freeze({ ...SOFTMAX, name: 'bulk-softmax' })

/** The built-in losses by name, each made from an object of its parameters: what the command line and saved models use. */
export const LOSSES = {
  'squared-error': squaredError,
  'weighted-squared-error': weightedSquaredError,
  'spherical-softmax': sphericalSoftmax,
  'taylor-softmax': taylorSoftmax,
  'z-loss': zLoss,
} as const satisfies Readonly<Record<LossName, (options: never) => Loss>>

/**
 * Names of the losses of the spherical family, as on the command line.
 *
 * @category Losses
 */
export type LossName = 'squared-error' | 'weighted-squared-error' | 'spherical-softmax' | 'taylor-softmax' | 'z-loss'

/**
 * A loss by its name, for configurations in files.
 *
 * @param name a {@link LossName}
 * @param parameters the options of the function of that name, as {@link squaredError} and the others take them
 * @throws a RangeError for another name; what that function throws
 * @category Losses
 */
export function createLoss(name: string, parameters: Readonly<Record<string, number>> = {}): Loss {
  if (!Object.hasOwn(LOSSES, name)) {
    throw rangeError(`loss must be one of ${Object.keys(LOSSES).join(', ')}, got ${JSON.stringify(name)}`)
  }
  const make = LOSSES[name as LossName] as (parameters: Readonly<Record<string, number>>) => Loss
  return make(parameters)
}
