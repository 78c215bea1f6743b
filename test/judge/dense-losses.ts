// The losses as their definitions say them, on all D outputs of one example: no sum of squares, no sparse targets.

/**
 * The loss of one example and its gradient for the outputs.
 * o: D outputs; y: D targets, where the weights of one class are added up; listed: 1 for each class that is a target,
 * also where its weights add up to 0; gradient: D, overwritten.
 */
export type DenseLoss = (o: Float64Array, y: Float64Array, listed: Uint8Array, gradient: Float64Array) => number

export function denseSquaredError(): DenseLoss {
  return (o, y, _listed, gradient) => {
    let loss = 0
    for (let i = 0; i < o.length; i++) {
      loss += (o[i] - y[i]) ** 2
      gradient[i] = 2 * (o[i] - y[i])
    }
    return loss
  }
}

export function denseWeightedSquaredError(negativeWeight: number, positiveWeight: number): DenseLoss {
  return (o, y, listed, gradient) => {
    let loss = 0
    for (let i = 0; i < o.length; i++) {
      const weight = listed[i] === 1 ? positiveWeight : negativeWeight
      loss += weight * (o[i] - y[i]) ** 2
      gradient[i] = 2 * weight * (o[i] - y[i])
    }
    return loss
  }
}

/** Softmax with f(o) in the place of exp(o): p_i = f(o_i) / sum f(o), loss = -sum y_i log p_i. */
function denseRatio(f: (o: number) => number, slope: (o: number) => number): DenseLoss {
  return (o, y, _listed, gradient) => {
    let total = 0
    let weight = 0
    for (let i = 0; i < o.length; i++) {
      total += f(o[i])
      weight += y[i]
    }
    let loss = 0
    for (let i = 0; i < o.length; i++) {
      if (y[i] !== 0) loss -= y[i] * Math.log(f(o[i]) / total)
      gradient[i] = slope(o[i]) * (weight / total - y[i] / f(o[i]))
    }
    return loss
  }
}

/** -sum y_i log p_i with p = softmax(o). */
export function denseSoftmax(): DenseLoss {
  return (o, y, _listed, gradient) => {
    const largest = o.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY)
    const total = o.reduce((sum, x) => sum + Math.exp(x - largest), 0)
    const weight = y.reduce((sum, x) => sum + x, 0)
    let loss = 0
    for (let i = 0; i < o.length; i++) {
      loss += y[i] * (largest + Math.log(total) - o[i])
      gradient[i] = (weight * Math.exp(o[i] - largest)) / total - y[i]
    }
    return loss
  }
}

/**
 * The softmax with a Gaussian bulk, S = the listed classes and the shortlist: of the n others only mean and variance v count.
 * Z = n exp(mean + c(v)) + sum_S exp(o), c(v) = v/2, from v = 2 log n on sqrt(2 v log n) - log n; loss = sum y (log Z - o).
 */
export function denseBulkSoftmax(shortlist: Iterable<number>): DenseLoss {
  const shared = new Set(shortlist)
  return (o, y, listed, gradient) => {
    const apart = (i: number) => shared.has(i) || listed[i] === 1
    const bulk = Array.from(o.keys()).filter((i) => !apart(i))
    const n = bulk.length
    const mean = bulk.reduce((sum, i) => sum + o[i], 0) / n
    const variance = bulk.reduce((sum, i) => sum + (o[i] - mean) ** 2, 0) / n
    const thin = variance > 2 * Math.log(n)
    const spread = thin ? Math.sqrt(2 * variance * Math.log(n)) - Math.log(n) : variance / 2
    const slope = thin ? Math.sqrt(Math.log(n) / (2 * variance)) : 1 / 2 // of spread, for the variance
    const logs = Float64Array.from(o, (x, i) => (apart(i) ? x : mean + spread)) // of what each class adds to Z
    const largest = logs.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY)
    const logZ = largest + Math.log(logs.reduce((sum, x) => sum + Math.exp(x - largest), 0))
    const weight = y.reduce((sum, x) => sum + x, 0)
    let loss = 0
    for (let i = 0; i < o.length; i++) {
      loss += y[i] * (logZ - o[i])
      const factor = apart(i) ? 1 : 1 + 2 * slope * (o[i] - mean)
      gradient[i] = weight * Math.exp(logs[i] - logZ) * factor - y[i]
    }
    return loss
  }
}

export function denseSphericalSoftmax(epsilon: number): DenseLoss {
  return denseRatio(
    (o) => o * o + epsilon,
    (o) => 2 * o,
  )
}

export function denseTaylorSoftmax(): DenseLoss {
  return denseRatio(
    (o) => 1 + o + (o * o) / 2,
    (o) => 1 + o,
  )
}

/** log(1 + exp(t)) without overflow. */
export function softplus(t: number): number {
  return Math.max(t, 0) + Math.log1p(Math.exp(-Math.abs(t)))
}

/** z = (o - mean) / deviation over all classes; loss = sum y_i softplus(alpha (beta - z_i)) / alpha. */
export function denseZLoss(alpha: number, beta: number): DenseLoss {
  return (o, y, _listed, gradient) => {
    const count = o.length
    let mean = 0
    for (let i = 0; i < count; i++) mean += o[i] / count
    let variance = 0
    for (let i = 0; i < count; i++) variance += (o[i] - mean) ** 2 / count
    const deviation = Math.sqrt(variance)
    let loss = 0
    let slopes = 0
    let slopesTimesZ = 0
    for (let i = 0; i < count; i++) {
      gradient[i] = 0
      if (y[i] === 0) continue
      const z = (o[i] - mean) / deviation
      const t = alpha * (beta - z)
      loss += (y[i] * softplus(t)) / alpha
      const slope = -y[i] / (1 + Math.exp(-t)) // dLoss/dz_i
      gradient[i] = slope / deviation
      slopes += slope
      slopesTimesZ += slope * z
    }
    // dz_c/do_i = (1 if c is i) / deviation - 1 / (D deviation) - z_c (o_i - mean) / (D variance)
    for (let i = 0; i < count; i++) {
      gradient[i] -= slopes / (count * deviation) + (slopesTimesZ * (o[i] - mean)) / (count * variance)
    }
    return loss
  }
}

/**
 * Bouchard's (2007) upper bound of the softmax cross-entropy with a fixed xi:
 * log sum exp(o) <= a + sum_i [ (o_i - a - xi) / 2 + lambda ((o_i - a)^2 - xi^2) + log(1 + exp(xi)) ], least over a.
 */
export function denseBouchardBound(xi: number): DenseLoss {
  const lambda = (1 / (1 + Math.exp(-xi)) - 0.5) / (2 * xi)
  return (o, y, _listed, gradient) => {
    const count = o.length
    let sum = 0
    let weight = 0
    for (let i = 0; i < count; i++) {
      sum += o[i]
      weight += y[i]
    }
    const a = ((count / 2 - 1) / (2 * lambda) + sum) / count
    let bound = a
    for (let i = 0; i < count; i++) {
      bound += (o[i] - a - xi) / 2 + lambda * ((o[i] - a) ** 2 - xi * xi) + softplus(xi)
    }
    let loss = weight * bound
    for (let i = 0; i < count; i++) {
      loss -= y[i] * o[i]
      gradient[i] = weight * (0.5 + 2 * lambda * (o[i] - a)) - y[i]
    }
    return loss
  }
}
