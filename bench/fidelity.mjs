// What a loss makes of an example's outputs, in float64: log Z and the derivatives for all D outputs, for the full softmax and for
// what stands in its place. A choice of classes is { sure, drawn, probabilities, share, bulk }: classes that are computed one by one;
// classes that are drawn, with the probability of each; the share of all others that those stand for; whether the rest is a Gaussian.

const logSumExp = (logs) => {
  let largest = Number.NEGATIVE_INFINITY
  for (const x of logs) if (x > largest) largest = x
  let sum = 0
  for (const x of logs) sum += Math.exp(x - largest)
  return largest + Math.log(sum)
}

/** The Gaussian of the outputs that are not in `sure`: as native/losses/gaussian_bulk.h. */
function gaussian(o, sure) {
  let [n, sum, squares] = [o.length - sure.size, 0, 0]
  for (let i = 0; i < o.length; i++) {
    if (sure.has(i)) continue
    sum += o[i]
    squares += o[i] * o[i]
  }
  const mean = sum / n
  const variance = Math.max(0, squares / n - mean * mean)
  const entropy = Math.log(n)
  const thin = variance > 2 * entropy
  const slope = thin ? Math.sqrt(entropy / (2 * variance)) : 0.5
  return { n, mean, slope, logMean: mean + (thin ? Math.sqrt(2 * variance * entropy) - entropy : variance / 2) }
}

/** log Z, and in g the derivatives of log Z for the outputs. */
export function fullSoftmax(o, g) {
  const logZ = logSumExp(o)
  for (let i = 0; i < o.length; i++) g[i] = Math.exp(o[i] - logZ)
  return logZ
}

export function approximateSoftmax(o, g, { sure, drawn = [], probabilities = [], share = 0, bulk = true }) {
  const rest = bulk ? gaussian(o, sure) : undefined
  const weigh = bulk ? Math.log(share) : 0
  const logs = [...sure].map((i) => o[i])
  drawn.forEach((i, n) => {
    logs.push(o[i] - Math.log(probabilities[n]) + weigh)
  })
  const part = drawn.length ? 1 - share : 1
  if (rest && part > 0) logs.push(rest.logMean + Math.log(rest.n * part))
  const logZ = logSumExp(logs)
  const k = rest ? part * Math.exp(rest.logMean - logZ) : 0
  for (let i = 0; i < o.length; i++) g[i] = rest && !sure.has(i) ? k * (1 + 2 * rest.slope * (o[i] - rest.mean)) : 0
  for (const i of sure) g[i] = Math.exp(o[i] - logZ)
  drawn.forEach((i, n) => {
    g[i] += Math.exp(o[i] - logZ - Math.log(probabilities[n]) + weigh)
  })
  return logZ
}
