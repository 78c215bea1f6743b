// The three matrix products of a dense layer in float64, row-major. Several sums are kept at once: that is three times as fast
// in JavaScript as one, and the judge is most of what the tests cost.

/** out[j, i] = x[j, :] . w[i, :], where x is m x d, w is D x d and out is m x D. */
export function outputs(out: Float64Array, x: Float64Array, w: Float64Array, m: number, D: number, d: number): void {
  let j = 0
  for (; j + 4 <= m; j += 4) {
    const x0 = j * d
    const x1 = x0 + d
    const x2 = x1 + d
    const x3 = x2 + d
    let i = 0
    for (; i + 2 <= D; i += 2) {
      let a0 = 0
      let a1 = 0
      let a2 = 0
      let a3 = 0
      let b0 = 0
      let b1 = 0
      let b2 = 0
      let b3 = 0
      for (let k = 0, a = i * d, b = a + d; k < d; k++, a++, b++) {
        const wa = w[a]
        const wb = w[b]
        a0 += x[x0 + k] * wa
        a1 += x[x1 + k] * wa
        a2 += x[x2 + k] * wa
        a3 += x[x3 + k] * wa
        b0 += x[x0 + k] * wb
        b1 += x[x1 + k] * wb
        b2 += x[x2 + k] * wb
        b3 += x[x3 + k] * wb
      }
      const at = j * D + i
      out[at] = a0
      out[at + 1] = b0
      out[at + D] = a1
      out[at + D + 1] = b1
      out[at + 2 * D] = a2
      out[at + 2 * D + 1] = b2
      out[at + 3 * D] = a3
      out[at + 3 * D + 1] = b3
    }
    for (; i < D; i++) for (let r = j; r < j + 4; r++) out[r * D + i] = dot(x, r * d, w, i * d, d)
  }
  for (; j < m; j++) for (let i = 0; i < D; i++) out[j * D + i] = dot(x, j * d, w, i * d, d)
}

function dot(x: Float64Array, atX: number, w: Float64Array, atW: number, d: number): number {
  let sum = 0
  for (let k = 0; k < d; k++) sum += x[atX + k] * w[atW + k]
  return sum
}

/** out[j, :] = sum_i g[j, i] w[i, :], where g is m x D, w is D x d and out is m x d. */
export function backward(out: Float64Array, g: Float64Array, w: Float64Array, m: number, D: number, d: number): void {
  out.fill(0)
  for (let j = 0; j < m; j++) addRows(out, j * d, g, j * D, 1, w, D, d)
}

/** out[i, :] = sum_j g[j, i] x[j, :], where g is m x D, x is m x d and out is D x d. */
export function weightGradient(
  out: Float64Array,
  g: Float64Array,
  x: Float64Array,
  m: number,
  D: number,
  d: number,
): void {
  out.fill(0)
  for (let i = 0; i < D; i++) addRows(out, i * d, g, i, D, x, m, d)
}

/** out[at : at + d] += sum_r g[start + r * stride] * rows[r, :], for r < count. */
function addRows(
  out: Float64Array,
  at: number,
  g: Float64Array,
  start: number,
  stride: number,
  rows: Float64Array,
  count: number,
  d: number,
): void {
  let r = 0
  for (; r + 4 <= count; r += 4) {
    const g0 = g[start + r * stride]
    const g1 = g[start + (r + 1) * stride]
    const g2 = g[start + (r + 2) * stride]
    const g3 = g[start + (r + 3) * stride]
    const r0 = r * d
    const r1 = r0 + d
    const r2 = r1 + d
    const r3 = r2 + d
    for (let k = 0; k < d; k++) {
      out[at + k] += g0 * rows[r0 + k] + g1 * rows[r1 + k] + (g2 * rows[r2 + k] + g3 * rows[r3 + k])
    }
  }
  for (; r < count; r++) {
    const g0 = g[start + r * stride]
    for (let k = 0; k < d; k++) out[at + k] += g0 * rows[r * d + k]
  }
}
