// W = V U with U^-T, as arXiv 1606.08061 updates them for the squared error, without its stabilisation: what accuracy.svg compares with.
// Sums are in float64, what is kept is rounded to float32.

/** The inverse of a small matrix (n x n, row-major) by elimination with pivots. */
function invert(matrix, n) {
  const a = Float64Array.from(matrix)
  const inverse = new Float64Array(n * n)
  for (let i = 0; i < n; i++) inverse[i * n + i] = 1
  for (let column = 0; column < n; column++) {
    let pivot = column
    for (let i = column; i < n; i++) if (Math.abs(a[i * n + column]) > Math.abs(a[pivot * n + column])) pivot = i
    for (const rows of [a, inverse]) {
      for (let k = 0; k < n; k++) {
        const kept = rows[column * n + k]
        rows[column * n + k] = rows[pivot * n + k]
        rows[pivot * n + k] = kept
      }
    }
    const scale = a[column * n + column]
    for (let k = 0; k < n; k++) {
      a[column * n + k] /= scale
      inverse[column * n + k] /= scale
    }
    for (let i = 0; i < n; i++) {
      const factor = a[i * n + column]
      if (i === column || factor === 0) continue
      for (let k = 0; k < n; k++) {
        a[i * n + k] -= factor * a[column * n + k]
        inverse[i * n + k] -= factor * inverse[column * n + k]
      }
    }
  }
  return inverse
}

/** A B^T for A (p x n), B (q x n). */
function timesTransposed(A, B, p, q, n) {
  const out = new Float64Array(p * q)
  for (let i = 0; i < p; i++) {
    for (let j = 0; j < q; j++) {
      let sum = 0
      for (let k = 0; k < n; k++) sum += A[i * n + k] * B[j * n + k]
      out[i * q + j] = sum
    }
  }
  return out
}

/** A += scale X^T H for X (m x p), H (m x n). */
function addProduct(A, scale, X, H, m, p, n) {
  for (let i = 0; i < p; i++) {
    for (let k = 0; k < n; k++) {
      let sum = 0
      for (let j = 0; j < m; j++) sum += X[j * p + i] * H[j * n + k]
      A[i * n + k] += scale * sum
    }
  }
}

export class Published {
  constructor(weights, D, d) {
    this.D = D
    this.d = d
    this.V = Float32Array.from(weights)
    this.U = Float32Array.from({ length: d * d }, (_, i) => Number(i % (d + 1) === 0))
    this.inverse = this.U.slice() // U^-T
  }

  /** Of the mean over the minibatch; one target of value 1 an example. */
  step(hidden, targets, eta) {
    const { d } = this
    const m = targets.length
    const rate = (2 * eta) / m
    const images = timesTransposed(hidden, this.U, m, d, d) // rows: U h
    const gram = timesTransposed(hidden, hidden, m, m, d)
    const system = gram.map((value, ij) => Number(ij % (m + 1) === 0) - rate * value)
    const half = timesTransposed(hidden, this.inverse, m, d, d) // rows: U^-T h
    const X = timesTransposed(invert(system, m), transpose(half, m, d), m, d, m) // rows: U_new^-T h
    addProduct(this.U, -rate, images, hidden, m, d, d)
    addProduct(this.inverse, rate, X, hidden, m, d, d)
    for (let j = 0; j < m; j++) {
      for (let k = 0; k < d; k++) this.V[targets[j] * d + k] += rate * X[j * d + k]
    }
  }

  rows() {
    return timesTransposed(this.V, transpose(this.U, this.d, this.d), this.D, this.d, this.d)
  }
}

function transpose(A, rows, columns) {
  return Float64Array.from({ length: rows * columns }, (_, i) => A[(i % rows) * columns + Math.floor(i / rows)])
}
