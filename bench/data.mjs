// Seeded data for the benches.

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
    /** About normal: the sum of twelve uniform numbers. */
    normal: () => Array.from({ length: 12 }, uniform).reduce((a, b) => a + b) - 6,
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
      const row = hidden.subarray(j * d, (j + 1) * d)
      const dot = row.reduce((sum, value, k) => sum + value * x[k], 0) / m
      for (let k = 0; k < d; k++) y[k] += dot * row[k]
    }
    size = Math.hypot(...y)
    x = y.map((value) => value / size)
  }
  return size
}
