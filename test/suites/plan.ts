// What of the suites a head is put through: the losses it takes, and what its own loss makes different.

import { customLoss, type HeadOptions, type Loss, squaredError, taylorSoftmax, zLoss } from '../../lib/index.js'
import { taylorSoftmaxByHand } from '../judge/custom-losses.js'
import { LOSS_CASES, type LossCase, SOFTMAX_CASE } from '../judge/losses.js'

export interface Plan {
  /** Losses it is compared with the judge in; the first one stands where any will do. */
  cases: readonly LossCase[]
  /** Losses whose passes are compared with each other, bit by bit. */
  passes: readonly { name: string; loss: Loss }[]
  /** Losses with each way of ranking. */
  rankings: readonly LossCase[]
  /** True if a step estimates its loss from a random part of the classes: only evaluate() is the judge's then. */
  estimates: boolean
  /** True if its outputs are not W h + b: it has a judge of its own. */
  otherModel: boolean
}

export const SPHERICAL: Plan = {
  cases: LOSS_CASES,
  passes: [
    { name: 'squared error', loss: squaredError() },
    { name: 'Taylor softmax', loss: taylorSoftmax() },
    { name: 'Z-loss', loss: zLoss() },
    { name: 'custom', loss: customLoss(taylorSoftmaxByHand) },
  ],
  rankings: [LOSS_CASES[0], LOSS_CASES[2]],
  estimates: false,
  otherModel: false,
}

/** For heads with a loss of their own. */
export function ownLoss(lossCase: LossCase = SOFTMAX_CASE, changes: Partial<Plan> = {}): Plan {
  const only = [lossCase]
  return { cases: only, passes: only, rankings: only, estimates: false, otherModel: false, ...changes }
}

/** The options of a head with a loss of its own; what is no object stays what it is. */
export function withoutLoss(all: HeadOptions): Omit<HeadOptions, 'loss'> {
  if (!all) return all
  const { loss: _, ...options } = all
  return options
}
