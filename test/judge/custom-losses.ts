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

/** log k and its slope for the variance, of n outputs with this sum and sum of squares; without any they add nothing. */
function gaussianByHand(n: number, sum: number, squares: number): { mean: number; slope: number; logK: number } {
  if (n === 0) return { mean: 0, slope: 0, logK: Number.NEGATIVE_INFINITY }
  const mean = sum / n
  const variance = Math.max(0, squares / n - mean * mean)
  const entropy = Math.log(n)
  if (variance <= 2 * entropy) return { mean, slope: 1 / 2, logK: mean + variance / 2 }
  const spread = Math.sqrt(2 * variance * entropy)
  return { mean, slope: Math.sqrt(entropy / (2 * variance)), logK: mean + spread - entropy }
}

/** The bulk softmax for targets that list the shortlist too, with values of 0 where it is no target: from q, s and a alone. */
export const bulkSoftmaxByHand: CustomLossFunction = ({ q, s, a, indptr, values, numClasses, losses, gq, gs, ga }) => {
  for (let j = 0; j < q.length; j++) {
    const own = a.subarray(indptr[j], indptr[j + 1])
    const y = values.subarray(indptr[j], indptr[j + 1])
    const n = numClasses - own.length
    const sum = own.reduce((total, o) => total + o, 0)
    const squares = own.reduce((total, o) => total + o * o, 0)
    const { mean, slope, logK } = gaussianByHand(n, s[j] - sum, q[j] - squares)
    const shift = own.reduce((most, o) => Math.max(most, o), logK)
    const z = n * Math.exp(logK - shift) + own.reduce((total, o) => total + Math.exp(o - shift), 0)
    const weight = y.reduce((total, value) => total + value, 0)
    const k = (weight * Math.exp(logK - shift)) / z
    losses[j] = weight * (shift + Math.log(z))
    gq[j] = k * slope
    gs[j] = k * (1 - 2 * slope * mean)
    for (let i = 0; i < own.length; i++) {
      losses[j] -= y[i] * own[i]
      ga[indptr[j] + i] = (weight * Math.exp(own[i] - shift)) / z - k * (1 + 2 * slope * (own[i] - mean)) - y[i]
    }
  }
}
