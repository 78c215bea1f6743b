// Seeded minibatches for the trials, all made before the clock starts.

/** Mulberry32 with what the trials draw from it. */
export function randomSource(seed) {
  let state = seed
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return {
    uniform,
    /** Normal, by the method of Box and Muller. */
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    /** A class id with probability about 1 / (id + 1), as words and items have. */
    zipf: (count) => Math.min(count - 1, Math.floor((count + 1) ** uniform()) - 1),
  }
}

/** The largest eigenvalue of H^T H / m for row-major H (m x d), by power iteration. */
export function largestEigenvalue(hidden, m, d) {
  let x = new Float64Array(d).fill(1)
  let size = 0
  for (let iteration = 0; iteration < 30; iteration++) {
    const y = new Float64Array(d)
    for (let j = 0; j < m; j++) {
      let dot = 0
      for (let k = 0; k < d; k++) dot += hidden[j * d + k] * x[k]
      for (let k = 0; k < d; k++) y[k] += (dot / m) * hidden[j * d + k]
    }
    size = Math.hypot(...y)
    x = y.map((value) => value / size)
  }
  return size
}

/**
 * Minibatches of relu features with a strong mean (what a trained hidden layer looks like, and the hard case for the factored
 * form) and Zipf targets. A minibatch is a window into a pool of rows, so that there are many and none costs anything.
 * share: the part of the strongest direction of W that one step removes; it fixes the learning rate.
 */
export function stepStream({ numClasses, hiddenSize: d, examples: m, share, steps, seed = 1 }) {
  const random = randomSource(seed)
  const rows = Math.max(1024, 2 * m)
  const pool = Float32Array.from({ length: rows * d }, () => Math.max(0, random.normal() + 0.5))
  const targets = Int32Array.from({ length: steps * m }, () => random.zipf(numClasses))
  const windows = Array.from({ length: 256 }, () => Math.floor(random.uniform() * (rows - m + 1)))
  const minibatches = windows.map((row) => pool.subarray(row * d, (row + m) * d))
  return {
    learningRate: share / (2 * largestEigenvalue(minibatches[0], m, d)),
    hidden: (step) => minibatches[step % minibatches.length],
    targets: (step) => targets.subarray(step * m, (step + 1) * m),
  }
}
