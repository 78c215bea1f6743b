// Losses of the spherical family written against the public extension point, as a user would write them.

import type { CustomLossFunction } from '../../lib/index.js'

/** ||o - y||^2 = q - 2 sum y a + sum y^2. */
export const squaredErrorByHand: CustomLossFunction = ({ q, a, indptr, values, losses, gq, gs, ga }) => {
  for (let j = 0; j < q.length; j++) {
    losses[j] = q[j]
    gq[j] = 1
    gs[j] = 0
    for (let k = indptr[j]; k < indptr[j + 1]; k++) {
      losses[j] += values[k] * (values[k] - 2 * a[k])
      ga[k] = -2 * values[k]
    }
  }
}

/** -sum y log((1 + a + a^2/2) / (D + s + q/2)). */
export const taylorSoftmaxByHand: CustomLossFunction = (batch) => {
  const { q, s, a, indptr, values, numClasses, losses, gq, gs, ga } = batch
  for (let j = 0; j < q.length; j++) {
    const total = numClasses + s[j] + q[j] / 2
    losses[j] = 0
    gq[j] = 0
    gs[j] = 0
    for (let k = indptr[j]; k < indptr[j + 1]; k++) {
      const own = 1 + a[k] + (a[k] * a[k]) / 2
      losses[j] += values[k] * (Math.log(total) - Math.log(own))
      gq[j] += values[k] / (2 * total)
      gs[j] += values[k] / total
      ga[k] = (-values[k] * (1 + a[k])) / own
    }
  }
}

/** Bouchard's upper bound of the softmax cross-entropy, its offset chosen best (its derivative there is 0). */
export function bouchardBound(xi: number): CustomLossFunction {
  const lambda = (1 / (1 + Math.exp(-xi)) - 0.5) / (2 * xi)
  return ({ q, s, a, indptr, values, numClasses, losses, gq, gs, ga }) => {
    for (let j = 0; j < q.length; j++) {
      const offset = ((numClasses / 2 - 1) / (2 * lambda) + s[j]) / numClasses
      const bound =
        offset +
        (s[j] - numClasses * (offset + xi)) / 2 +
        lambda * (q[j] - 2 * offset * s[j] + numClasses * (offset * offset - xi * xi)) +
        numClasses * Math.log1p(Math.exp(xi))
      let weight = 0
      losses[j] = 0
      for (let k = indptr[j]; k < indptr[j + 1]; k++) {
        weight += values[k]
        losses[j] -= values[k] * a[k]
        ga[k] = -values[k]
      }
      losses[j] += weight * bound
      gq[j] = weight * lambda
      gs[j] = weight * (0.5 - 2 * lambda * offset)
    }
  }
}
