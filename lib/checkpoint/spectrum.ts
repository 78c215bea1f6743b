// The singular values of a small square matrix: the roots of the eigenvalues of its Gram matrix, which is made tridiagonal by
// Householder's reflections and then solved by the implicit QL method (Golub and Van Loan, Matrix Computations, 8.3). O(n^3), in
// float64; values below 1e-8 of the largest are rounding.

/** Falling. `matrix` is n x n, row-major. */
export function singularValues(matrix: Float32Array | Float64Array, n: number): Float64Array {
  const { diagonal, off } = tridiagonal(gram(matrix, n), n)
  solve(diagonal, off)
  return diagonal
    .map((value) => Math.sqrt(Math.max(0, value)))
    .sort()
    .reverse()
}

function gram(matrix: Float32Array | Float64Array, n: number): Float64Array[] {
  const rows = Array.from({ length: n }, () => new Float64Array(n))
  for (let k = 0; k < n; k++) {
    const row = Float64Array.from(matrix.subarray(k * n, (k + 1) * n))
    for (let i = 0; i < n; i++) {
      const [factor, sums] = [row[i], rows[i]]
      for (let j = 0; j <= i; j++) sums[j] += factor * row[j]
    }
  }
  return rows
}

/** Reduces the symmetric matrix of which `a` is the lower half; `off[i]` is what couples i and i + 1. Changes `a`. */
function tridiagonal(a: Float64Array[], n: number): { diagonal: Float64Array; off: Float64Array } {
  const diagonal = new Float64Array(n)
  const off = new Float64Array(n)
  const p = new Float64Array(n)
  for (let i = n - 1; i > 0; i--) {
    const v = a[i].subarray(0, i)
    diagonal[i] = a[i][i]
    const norm = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0))
    off[i - 1] = v[i - 1] > 0 ? -norm : norm
    if (norm === 0) continue
    // v becomes the vector of the reflection I - v v^T / half.
    const half = norm * norm + Math.abs(v[i - 1]) * norm
    v[i - 1] -= off[i - 1]
    multiplyLower(p, a, v, i)
    let overlap = 0
    for (let k = 0; k < i; k++) overlap += (p[k] /= half) * v[k]
    for (let k = 0; k < i; k++) p[k] -= (overlap / (2 * half)) * v[k]
    for (let r = 0; r < i; r++) {
      const [row, vr, pr] = [a[r], v[r], p[r]]
      for (let c = 0; c <= r; c++) row[c] -= vr * p[c] + pr * v[c]
    }
  }
  diagonal[0] = a[0][0]
  return { diagonal, off }
}

/** p = A v for the leading part of size n of the symmetric A. */
function multiplyLower(p: Float64Array, a: Float64Array[], v: Float64Array, n: number): void {
  p.fill(0, 0, n)
  for (let r = 0; r < n; r++) {
    const [row, vr] = [a[r], v[r]]
    let sum = row[r] * vr
    for (let c = 0; c < r; c++) {
      sum += row[c] * v[c]
      p[c] += row[c] * vr
    }
    p[r] += sum
  }
}

/** Leaves the eigenvalues of the tridiagonal matrix in `d`. */
function solve(d: Float64Array, e: Float64Array): void {
  const n = d.length
  for (let l = 0; l < n; l++) {
    for (let round = 0; round < 60; round++) {
      let m = l
      while (m < n - 1 && Math.abs(e[m]) > Number.EPSILON * (Math.abs(d[m]) + Math.abs(d[m + 1]))) m++
      if (m === l) break
      sweep(d, e, l, m)
    }
  }
}

function sweep(d: Float64Array, e: Float64Array, l: number, m: number): void {
  let g = (d[l + 1] - d[l]) / (2 * e[l])
  g = d[m] - d[l] + e[l] / (g + (g < 0 ? -1 : 1) * Math.hypot(g, 1))
  let [s, c, p] = [1, 1, 0]
  for (let i = m - 1; i >= l; i--) {
    const [f, b] = [s * e[i], c * e[i]]
    const r = Math.hypot(f, g)
    e[i + 1] = r
    if (r === 0) {
      d[i + 1] -= p
      e[m] = 0
      return
    }
    s = f / r
    c = g / r
    g = d[i + 1] - p
    const t = (d[i] - g) * s + 2 * c * b
    p = s * t
    d[i + 1] = g + p
    g = c * t - b
  }
  d[l] -= p
  e[l] = g
  e[m] = 0
}
