// The relative error of W over thousands of steps: the factored form as it was published, without stabilisation, beside
// ExactHead and a dense layer. All but the reference round their results to float32.

import { largestEigenvalue, randomSource } from '../../bench/data.mjs'
import { logPlot } from '../../bench/plot.mjs'
import { DenseHead, ExactHead, squaredError } from '../../dist/index.js'
import { Published } from './published.mjs'

const [D, d, m, share] = [400, 24, 16, 0.5]
const MOMENTS = [1, 2, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 2000, 3000, 5000]

function relativeError(rows, reference) {
  let [error, size] = [0, 0]
  for (const [i, exact] of reference.entries()) {
    error += (rows[i] - exact) ** 2
    size += exact ** 2
  }
  return Math.sqrt(error / size)
}

/** W -= eta (2 (W h) - 2 y) h^T, the mean over the minibatch, in float64. */
function denseStep(W, hidden, targets, eta) {
  const outputs = new Float64Array(m * D)
  for (let j = 0; j < m; j++) {
    for (let i = 0; i < D; i++) {
      let sum = targets[j] === i ? -1 : 0
      for (let k = 0; k < d; k++) sum += W[i * d + k] * hidden[j * d + k]
      outputs[j * D + i] = sum
    }
  }
  for (let j = 0; j < m; j++) {
    for (let i = 0; i < D; i++) {
      const scale = (2 * eta * outputs[j * D + i]) / m
      for (let k = 0; k < d; k++) W[i * d + k] -= scale * hidden[j * d + k]
    }
  }
}

export function accuracy() {
  const random = randomSource(3)
  const weights = Float32Array.from({ length: D * d }, () => 0.1 * random.normal())
  const reference = Float64Array.from(weights)
  const setup = { numClasses: D, hiddenSize: d, loss: squaredError(), init: { kind: 'weights', weights } }
  const exact = new ExactHead(setup)
  const dense = new DenseHead(setup)
  const published = new Published(weights, D, d)
  const classes = Int32Array.from({ length: D }, (_, i) => i)
  const curves = ['not stabilised', 'ExactHead', 'dense float32'].map((name) => ({ name, points: [] }))
  let eta
  for (let step = 1; step <= MOMENTS.at(-1); step++) {
    const hidden = Float32Array.from({ length: m * d }, () => Math.max(0, random.normal() + 0.5))
    const targets = Int32Array.from({ length: m }, () => random.zipf(D))
    eta ??= share / (2 * largestEigenvalue(hidden, m, d))
    denseStep(reference, hidden, targets, eta)
    published.step(hidden, targets, eta)
    exact.step(hidden, targets, { learningRate: eta })
    dense.step(hidden, targets, { learningRate: eta })
    if (!MOMENTS.includes(step)) continue
    const sides = [published.rows(), exact.rows(classes), dense.rows(classes)]
    for (const [i, rows] of sides.entries()) {
      const error = relativeError(rows, reference)
      // Beyond its own size an error says nothing more.
      if (error < 10) curves[i].points.push([step, error])
    }
  }
  return logPlot({
    title: `Relative error of W, squared error, D = ${D}, d = ${d}, m = ${m}, share ${share}`,
    xLabel: 'steps',
    yLabel: 'relative error against float64',
    curves,
  })
}
