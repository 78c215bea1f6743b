// What a loss makes of an example's outputs, in float64: log Z and the derivatives for all D outputs, for the full softmax and for
// what stands in its place. A choice of classes is { sure, drawn, probabilities, share, blocks }: classes that are computed one by one;
// classes that are drawn, with the probability of each; the share of all others that those stand for; the blocks of classes in which the
// rest is a Gaussian.

const logSumExp = (logs) => {
  let largest = Number.NEGATIVE_INFINITY
  for (const x of logs) if (x > largest) largest = x
  let sum = 0
  for (const x of logs) sum += Math.exp(x - largest)
  return largest + Math.log(sum)
}

/** The Gaussian of the outputs of a block that are not in `sure`: as native/losses/gaussian_bulk.h. */
function gaussian(o, block, sure) {
  let [n, sum, squares] = [0, 0, 0]
  for (const i of block) {
    if (sure.has(i)) continue
    n++
    sum += o[i]
    squares += o[i] * o[i]
  }
  if (n === 0) return { n, mean: 0, slope: 0, variance: 0, logMean: Number.NEGATIVE_INFINITY }
  const mean = sum / n
  const variance = Math.max(0, squares / n - mean * mean)
  const entropy = Math.log(n)
  const thin = variance > 2 * entropy
  const slope = thin ? Math.sqrt(entropy / (2 * variance)) : 0.5
  const logMean = mean + (thin ? Math.sqrt(2 * variance * entropy) - entropy : variance / 2)
  return { n, mean, slope, variance, logMean }
}

/** log Z, and in g the derivatives of log Z for the outputs. */
export function fullSoftmax(o, g) {
  const logZ = logSumExp(o)
  for (let i = 0; i < o.length; i++) g[i] = Math.exp(o[i] - logZ)
  return logZ
}

/** `blocks`: lists of classes, each with a Gaussian of its own; undefined: no bulk. */
export function approximateSoftmax(o, g, { sure, drawn = [], probabilities = [], share = 0, blocks }) {
  const weigh = blocks ? Math.log(share) : 0
  const logs = [...sure].map((i) => o[i])
  drawn.forEach((i, n) => {
    logs.push(o[i] - Math.log(probabilities[n]) + weigh)
  })
  const part = drawn.length ? 1 - share : 1
  const rests = part > 0 && blocks ? blocks.map((block) => gaussian(o, block, sure)) : []
  for (const { n, logMean } of rests) logs.push(logMean + Math.log(n * part))
  const logZ = logSumExp(logs)
  g.fill(0)
  rests.forEach(({ mean, slope, logMean }, b) => {
    const k = part * Math.exp(logMean - logZ)
    for (const i of blocks[b]) g[i] = k * (1 + 2 * slope * (o[i] - mean))
  })
  for (const i of sure) g[i] = Math.exp(o[i] - logZ)
  drawn.forEach((i, n) => {
    g[i] += Math.exp(o[i] - logZ - Math.log(probabilities[n]) + weigh)
  })
  return logZ
}

/**
 * The same where the classes drawn correct one Gaussian: what exp(o) has beyond the best parabola under it counts 1 / probability times,
 * so that Z is right on average. Z may come out below 0: then what was drawn does not count.
 */
export function correctedSoftmax(o, g, { sure, drawn, probabilities, blocks: [block] }) {
  const { n, mean, slope, variance, logMean } = gaussian(o, block, sure)
  const shift = Math.max(logMean, ...[...sure, ...drawn].map((i) => o[i]))
  const k = Math.exp(logMean - shift)
  let certain = n * k
  for (const i of sure) certain += Math.exp(o[i] - shift)
  const linear = (x) => k * (1 + 2 * slope * (x - mean))
  const beyond = drawn.map((i) => Math.exp(o[i] - shift) - linear(o[i]) - (k * ((o[i] - mean) ** 2 - variance)) / 2)
  const estimate = beyond.reduce((sum, x, i) => sum + x / probabilities[i], certain)
  const Z = estimate > 0 ? estimate : certain
  g.fill(0)
  for (const i of block) g[i] = linear(o[i]) / Z
  for (const i of sure) g[i] = Math.exp(o[i] - shift) / Z
  if (estimate > 0) {
    drawn.forEach((i, at) => {
      g[i] += (Math.exp(o[i] - shift) - linear(o[i])) / probabilities[at] / Z
    })
  }
  return shift + Math.log(Z)
}
