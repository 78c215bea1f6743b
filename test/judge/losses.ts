// Every loss of the package beside its definition.

import {
  customLoss,
  type Loss,
  sphericalSoftmax,
  squaredError,
  taylorSoftmax,
  weightedSquaredError,
  zLoss,
} from '../../lib/index.js'
import { BULK_SOFTMAX, SOFTMAX } from '../../lib/losses.js'
import { bouchardBound, squaredErrorByHand, taylorSoftmaxByHand } from './custom-losses.js'
import {
  type DenseLoss,
  denseBouchardBound,
  denseBulkSoftmax,
  denseSoftmax,
  denseSphericalSoftmax,
  denseSquaredError,
  denseTaylorSoftmax,
  denseWeightedSquaredError,
  denseZLoss,
} from './dense-losses.js'

/** A loss of the package beside its definition, and starting weights and learning rate at which it trains calmly. */
export interface LossCase {
  name: string
  loss: Loss
  dense: DenseLoss
  /** Standard deviation of the starting weights times sqrt(d). */
  start: number
  /** Learning rate for hidden vectors whose largest eigenvalue of H H^T / m is about 1. */
  pace: number
}

export const LOSS_CASES: readonly LossCase[] = [
  { name: 'squared error', loss: squaredError(), dense: denseSquaredError(), start: 0.1, pace: 0.15 },
  {
    name: 'weighted squared error',
    loss: weightedSquaredError({ negativeWeight: 0.1, positiveWeight: 0.9 }),
    dense: denseWeightedSquaredError(0.1, 0.9),
    start: 0.1,
    pace: 0.25,
  },
  {
    name: 'spherical softmax',
    loss: sphericalSoftmax({ epsilon: 0.5 }),
    dense: denseSphericalSoftmax(0.5),
    start: 1,
    pace: 0.3,
  },
  { name: 'Taylor softmax', loss: taylorSoftmax(), dense: denseTaylorSoftmax(), start: 1, pace: 0.5 },
  { name: 'Z-loss', loss: zLoss({ alpha: 1, beta: 3 }), dense: denseZLoss(1, 3), start: 1, pace: 0.5 },
  {
    name: 'custom: squared error',
    loss: customLoss(squaredErrorByHand),
    dense: denseSquaredError(),
    start: 0.1,
    pace: 0.15,
  },
  {
    name: 'custom: Taylor softmax',
    loss: customLoss(taylorSoftmaxByHand),
    dense: denseTaylorSoftmax(),
    start: 1,
    pace: 0.5,
  },
  {
    name: "custom: Bouchard's bound",
    loss: customLoss(bouchardBound(1)),
    dense: denseBouchardBound(1),
    start: 1,
    pace: 0.5,
  },
]

/** What heads with the softmax as their own loss are measured against. */
export const SOFTMAX_CASE: LossCase = { name: 'softmax', loss: SOFTMAX, dense: denseSoftmax(), start: 1, pace: 0.5 }

/** The bulk softmax with this shortlist. */
export function bulkCase(shortlist: Iterable<number>): LossCase {
  return { name: 'bulk softmax', loss: BULK_SOFTMAX, dense: denseBulkSoftmax(shortlist), start: 1, pace: 0.5 }
}

export function lossCase(name: string): LossCase {
  const found = LOSS_CASES.find((each) => each.name === name)
  if (found === undefined) throw new Error(`no loss case is called ${name}`)
  return found
}
