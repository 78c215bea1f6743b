// Optimisers, of a trunk or of the rows of a head: their checks and defaults.

import { checkBoolean, checkNumber, checkObject, oneOf } from './check.js'
import { fieldsOf } from './fields.js'

/**
 * How weights are changed by their gradients: plain steps; Adagrad (Duchi et al. 2011), whose steps shrink where much was changed;
 * Adam (Kingma & Ba, arXiv 1412.6980), each row of a table counting its own steps ("lazy").
 *
 * @category Options of heads
 */
export type Optimizer =
  | { kind: 'sgd' }
  | {
      kind: 'adagrad'
      /** Added to the root of the sums, 1e-20 to 1. Default 1e-10. */
      epsilon?: number
      /** One sum of mean squared gradients a row instead of one a weight. Default true. */
      rowwise?: boolean
    }
  | {
      kind: 'adam'
      /** How much of the mean gradient stays from step to step, 0 to 0.999999. Default 0.9. */
      beta1?: number
      /** The same of the mean square, 0 to 0.999999. Default 0.999. */
      beta2?: number
      /** Added to the root of the mean square, 1e-20 to 1. Default 1e-8. */
      epsilon?: number
    }

/** As the addon reads it: every field is present, whatever the kind. */
export interface NativeOptimizer {
  kind: string
  rowwise: boolean
  beta1: number
  beta2: number
  epsilon: number
}

type Kinds = { [Kind in Optimizer['kind']]: Extract<Optimizer, { kind: Kind }> }

// Below 1e-20, squares that underflow to 0 would make steps of any length.
function readEpsilon(epsilon: number): number {
  return checkNumber('optimizer.epsilon', epsilon, 1e-20, 1)
}

const OPTIMIZERS: { [Kind in keyof Kinds]: (options: Kinds[Kind]) => Kinds[Kind] } = {
  sgd: () => ({ kind: 'sgd' }),
  adagrad: ({ epsilon = 1e-10, rowwise = true }) => ({
    kind: 'adagrad',
    epsilon: readEpsilon(epsilon),
    rowwise: checkBoolean('optimizer.rowwise', rowwise),
  }),
  adam: ({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }) => ({
    kind: 'adam',
    beta1: checkNumber('optimizer.beta1', beta1, 0, 0.999999),
    beta2: checkNumber('optimizer.beta2', beta2, 0, 0.999999),
    epsilon: readEpsilon(epsilon),
  }),
}
export const OPTIMIZER_KINDS = Object.keys(OPTIMIZERS) as Optimizer['kind'][]

const FIELDS: { readonly [Kind in keyof Kinds]: readonly Exclude<keyof Kinds[Kind], 'kind'>[] } = {
  sgd: [],
  adagrad: ['epsilon', 'rowwise'],
  adam: ['beta1', 'beta2', 'epsilon'],
}

/** What readOptimizer() reads of it, unchecked. */
export function copyOptimizer(optimizer: object): object {
  const { kind } = optimizer as { kind?: unknown }
  const known = OPTIMIZER_KINDS.find((name) => name === kind)
  return { kind, ...(known && fieldsOf<object>(optimizer, FIELDS[known] as never[])) }
}

/** Checked, with every default filled in. */
export function readOptimizer(optimizer: Optimizer): Optimizer {
  checkObject('optimizer', optimizer)
  const kind = oneOf('optimizer.kind', optimizer.kind, OPTIMIZER_KINDS)
  return (OPTIMIZERS[kind] as (options: Optimizer) => Optimizer)(optimizer)
}

export function nativeOptimizer(optimizer: Optimizer): NativeOptimizer {
  return { rowwise: false, beta1: 0, beta2: 0, epsilon: 0, ...optimizer }
}
