// Trains small heads of ragged sizes on unaligned views with the instruction set this process has, and prints how far from the
// judge they end, with digests of the bits.

import { createHash } from 'node:crypto'
import { DenseHead, ExactHead, type Head, isa, type Targets, threads } from '../../lib/index.js'
import { Float64Head, relativeError } from '../judge/float64-head.js'
import { lossCase } from '../judge/losses.js'
import { Random } from '../judge/random.js'

export interface IsaReport {
  isa: string
  threads: number
  errors: { name: string; loss: number; dHidden: number; weights: number; logits: number }[]
  /** Of starting weights: the same on every ISA. Of all results: the same in every run. */
  initDigest: string
  resultDigest: string
}

const LOSSES = ['squared error', 'Taylor softmax', 'Z-loss', 'spherical softmax']
const HEADS = { ExactHead, DenseHead }

/** A copy whose first element lies `offset` elements into its buffer, between values that must not be read. */
function unaligned(values: ArrayLike<number>, offset: number): Float32Array {
  const padded = new Float32Array(values.length + offset + 7).fill(Number.NaN)
  padded.set(values, offset)
  return padded.subarray(offset, offset + values.length)
}

const initHash = createHash('sha256')
const resultHash = createHash('sha256')
const report: IsaReport = { isa: isa(), threads: threads(), errors: [], initDigest: '', resultDigest: '' }

for (const [kind, Head] of Object.entries(HEADS)) {
  for (const [at, d] of [1, 3, 16, 17, 100, 300, 512].entries()) {
    const random = new Random(d)
    const D = [37, 1001, 130, 257, 203, 99, 71][at]
    const { name, loss, dense } = lossCase(LOSSES[at % LOSSES.length])
    const bias = at % 2 === 0
    const head: Head = new Head({
      numClasses: D,
      hiddenSize: d,
      loss,
      bias,
      seed: d,
      init: { kind: 'normal', scale: 1 / Math.sqrt(d) },
    })
    const all = Int32Array.from({ length: D }, (_, i) => i)
    const [weights, biases] = [head.rows(all), head.biases(all)]
    initHash.update(weights).update(biases)
    const judge = new Float64Head({ numClasses: D, hiddenSize: d, loss: dense, bias, weights, biases })
    const errors = { name: `${kind} ${name} d=${d} D=${D}`, loss: 0, dHidden: 0, weights: 0, logits: 0 }
    for (const [round, m] of [1, 5, 17, 33, 2, 19].entries()) {
      const hidden = unaligned(random.normals(m * d), 1 + ((round + at) % 5))
      const indices = Int32Array.from({ length: 2 * m }, () => random.below(D))
      const indptr = Int32Array.from({ length: m + 1 }, (_, j) => 2 * j)
      const targets: Targets = { indptr, indices, values: unaligned(random.normals(2 * m).map(Math.abs), 3) }
      const options = { learningRate: 0.05 / d }
      const result = head.step(hidden, targets, options)
      const truth = judge.step(hidden, targets, options)
      errors.loss = Math.max(errors.loss, relativeError([result.loss], [truth.loss]))
      errors.dHidden = Math.max(errors.dHidden, relativeError(result.dHidden, truth.dHidden))
      const classes = all.subarray(round % 3)
      const logits = head.logits(hidden, classes)
      errors.logits = Math.max(errors.logits, relativeError(logits, judge.logits(hidden, classes)))
      const best = head.topK(hidden, Math.min(3, D))
      resultHash.update(result.dHidden).update(logits).update(best.classes).update(best.logits)
    }
    const rows = head.rows(all)
    errors.weights = relativeError(rows, judge.rows(all))
    resultHash.update(rows)
    report.errors.push(errors)
    head.close()
  }
}
report.initDigest = initHash.digest('hex')
report.resultDigest = resultHash.digest('hex')
process.stdout.write(JSON.stringify(report))
