// One trial: what a head's search in its tables finds of the exact best classes. { head, options, numClasses, hiddenSize, examples,
// cosine, candidates: [...] }. Rows lie in clusters; a query is the row of a class with noise.

import { LshSampledSoftmaxHead, SoftmaxHead, setThreads, WtaSoftmaxHead } from '../../dist/index.js'
import { randomSource } from '../data.mjs'

const trial = JSON.parse(process.argv[2])
const { numClasses, hiddenSize: d, examples: m, cosine } = trial
setThreads(1)
const random = randomSource(1)
const normals = (n, scale) => Float32Array.from({ length: n }, () => scale * random.normal())

const centres = normals(200 * d, 0.7)
const weights = normals(numClasses * d, 0.7)
for (let i = 0; i < weights.length; i++) weights[i] += centres[(Math.floor(i / d) % 200) * d + (i % d)]
const noise = Math.sqrt(1 / cosine ** 2 - 1)
const hidden = normals(m * d, noise)
for (let j = 0; j < m; j++) {
  const row = Math.floor((j * numClasses) / m) * d
  for (let i = 0; i < d; i++) hidden[j * d + i] = 0.2 * (hidden[j * d + i] + weights[row + i])
}

const options = { numClasses, hiddenSize: d, init: { kind: 'weights', weights } }
const exact = new SoftmaxHead(options)
const best = exact.topK(hidden, 100)
const first = Int32Array.from({ length: m }, (_, j) => best.classes[j * 100])
const { losses } = exact.evaluate(hidden, first)
const logSums = losses.map((loss, j) => loss + best.logits[j * 100])

const Head = trial.head === 'wta' ? WtaSoftmaxHead : LshSampledSoftmaxHead
const head = new Head({ ...options, ...trial.options })
const results = trial.candidates.map((candidates) => {
  const begin = process.cpuUsage()
  const found = head.topK(hidden, 100, { exact: false, candidates })
  const { user, system } = process.cpuUsage(begin)
  const recall = (k) => {
    let hits = 0
    for (let j = 0; j < m; j++) {
      const ids = new Set(found.classes.subarray(100 * j, 100 * j + 100))
      for (let i = 0; i < k; i++) hits += ids.has(best.classes[100 * j + i]) ? 1 : 0
    }
    return hits / (m * k)
  }
  const mass = found.logits.reduce((sum, logit, i) => sum + Math.exp(logit - logSums[Math.floor(i / 100)]) / m, 0)
  const recalls = { recall1: recall(1), recall10: recall(10), recall100: recall(100) }
  return { candidates, share: candidates / numClasses, ...recalls, mass, microseconds: (user + system) / m }
})
const { tableBytes } = head.diagnostics()
process.stdout.write(`${JSON.stringify({ ...trial, tableBytes, results })}\n`)
