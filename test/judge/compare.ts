// One stream of minibatches through the head under test, the dense float32 head and the judge: how wrong is each?

import { appendFileSync } from 'node:fs'
import { expect } from 'vitest'
import {
  type ApplyOptions,
  BulkSoftmaxHead,
  customLoss,
  DenseHead,
  ExactHead,
  type Head,
  type HeadStorage,
  type SparseTargets,
  type Targets,
} from '../../lib/index.js'
import { bulkSoftmaxByHand } from './custom-losses.js'
import { asSparse, Float64Head, relativeError } from './float64-head.js'
import type { LossCase } from './losses.js'
import { Random } from './random.js'
import { type Batch, largestEigenvalue, Stream, type StreamOptions } from './stream.js'

export interface Trial {
  /** Names the measurement in the report. */
  group: string
  lossCase: LossCase
  stream: StreamOptions
  bias?: boolean
  /** Races a BulkSoftmaxHead with this shortlist; the loss case is bulkCase() of it. */
  shortlist?: Int32Array
  /** Its examples see the targets of the whole minibatch; default false. */
  minibatchTargets?: boolean
  /** Standard deviation of the starting weights times sqrt(d). Default: the loss's own; 0 starts from W = 0. */
  start?: number
  /** Default: calmRate, the loss's pace over the largest eigenvalue of the minibatch. */
  options?: (batch: Batch, step: number) => ApplyOptions
  /** Of the exact head. */
  storage?: HeadStorage
}

/** Relative errors: of W (biases included) at the end, of the others the root of the mean square over the steps. */
export interface Errors {
  weights: number
  dHidden: number
  loss: number
  gradNorm: number
}

/** The three heads on one stream, from the same starting weights. Close it when done. */
export class Race {
  readonly judge: Float64Head
  readonly exact: ExactHead | BulkSoftmaxHead
  readonly dense: DenseHead
  steps = 0
  private readonly batch: (step: number) => Batch
  private readonly options: (batch: Batch, step: number) => ApplyOptions

  /** batch: the minibatch of each step. Default: those of the trial's stream. */
  constructor(
    readonly trial: Trial,
    batch?: (step: number) => Batch,
  ) {
    const { lossCase, stream, bias = false, shortlist } = trial
    const { numClasses, hiddenSize, seed } = stream
    const random = new Random(seed + 1000)
    const scale = (trial.start ?? lossCase.start) / Math.sqrt(hiddenSize)
    const weights = Float32Array.from(random.normals(numClasses * hiddenSize, scale))
    const biases = Float32Array.from(random.normals(numClasses, scale))
    const init = { kind: 'weights' as const, weights, ...(bias ? { biases } : {}) }
    const options = { numClasses, hiddenSize, bias, init }
    const { loss } = lossCase
    this.judge = new Float64Head({ numClasses, hiddenSize, loss: lossCase.dense, bias, weights, biases })
    this.exact = shortlist
      ? new BulkSoftmaxHead({ ...options, shortlist, minibatchTargets: trial.minibatchTargets ?? false, sampled: 0 })
      : new ExactHead({ ...options, loss, storage: trial.storage })
    this.dense = new DenseHead({ ...options, loss: shortlist ? customLoss(bulkSoftmaxByHand) : loss })
    const examples = new Stream(stream)
    this.batch = batch ?? (() => examples.next())
    this.options = trial.options ?? calmRate(trial)
  }

  /** Trains all three; errors of dHidden, loss and gradNorm are those of these steps. */
  run(steps: number): { exact: Errors; dense: Errors } {
    const exact = new Sums()
    const dense = new Sums()
    for (let t = 0; t < steps; t++, this.steps++) {
      const batch = this.batch(this.steps)
      const options = this.options(batch, this.steps)
      const truth = this.judge.step(batch.hidden, this.judged(batch), options)
      exact.add(this.exact.step(batch.hidden, batch.targets, options), truth)
      dense.add(this.dense.step(batch.hidden, this.denseTargets(batch), options), truth)
    }
    return {
      exact: { weights: weightError(this.exact, this.judge), ...exact.means() },
      dense: { weights: weightError(this.dense, this.judge), ...dense.means() },
    }
  }

  /** What the judge is to take for targets: those of the whole minibatch, where all examples see them. */
  private judged({ hidden, targets }: Batch): Targets {
    if (!this.trial.minibatchTargets) return targets
    const own = asSparse(targets, hidden.length / this.trial.stream.hiddenSize)
    return withClasses(own, new Set(own.indices))
  }

  /** What the dense head sees as targets: of the bulk softmax all that is computed one by one. */
  private denseTargets(batch: Batch): Targets {
    const { shortlist, stream } = this.trial
    const judged = this.judged(batch)
    return shortlist ? withClasses(asSparse(judged, batch.hidden.length / stream.hiddenSize), shortlist) : judged
  }

  close(): void {
    this.exact.close()
    this.dense.close()
  }
}

/** Each example's targets, and these classes with values of 0. */
export function withClasses({ indptr, indices, values }: SparseTargets, classes: Iterable<number>): SparseTargets {
  const more = [...classes]
  const result = { indptr: [0], indices: [] as number[], values: [] as number[] }
  for (let j = 0; j + 1 < indptr.length; j++) {
    for (let k = indptr[j]; k < indptr[j + 1]; k++) {
      result.indices.push(indices[k])
      result.values.push(values?.[k] ?? 1)
    }
    for (const id of more) {
      result.indices.push(id)
      result.values.push(0)
    }
    result.indptr.push(result.indices.length)
  }
  return {
    indptr: Int32Array.from(result.indptr),
    indices: Int32Array.from(result.indices),
    values: Float32Array.from(result.values),
  }
}

/** Below these an error is the rounding of float32 itself, and a ratio of two of them luck. */
export const FLOOR = { weights: 2e-7, dHidden: 5e-7, loss: 1e-6, gradNorm: 1e-6 }

/** The bound of the package: W within 3 times the error of a dense float32 layer, dHidden and the numbers within 5 times. */
export function expectExact(race: Race, { exact, dense }: { exact: Errors; dense: Errors }): void {
  report(race, exact, dense)
  const say = `${race.trial.group}, ${race.trial.lossCase.name}: ${JSON.stringify({ exact, dense })}`
  expect(exact.weights, `W: ${say}`).toBeLessThanOrEqual(Math.max(3 * dense.weights, FLOOR.weights))
  expect(exact.dHidden, `dHidden: ${say}`).toBeLessThanOrEqual(Math.max(5 * dense.dHidden, FLOOR.dHidden))
  expect(exact.loss, `loss: ${say}`).toBeLessThanOrEqual(Math.max(5 * dense.loss, FLOOR.loss))
  expect(exact.gradNorm, `gradNorm: ${say}`).toBeLessThanOrEqual(Math.max(5 * dense.gradNorm, FLOOR.gradNorm))
}

/** Races for so many steps and holds the exact head to the bound. */
export function expectExactAfter(steps: number, trial: Trial): void {
  const race = new Race(trial)
  try {
    expectExact(race, race.run(steps))
  } finally {
    race.close()
  }
}

export function calmRate({ lossCase, stream, bias }: Trial): (batch: Batch) => ApplyOptions {
  return (batch) => ({ learningRate: lossCase.pace / meanEigenvalue(batch.hidden, stream.hiddenSize, bias) })
}

/** Largest eigenvalue of H H^T / m, the bias feature included. */
export function meanEigenvalue(hidden: Float32Array, d: number, bias = false): number {
  const m = hidden.length / d
  if (!bias) return largestEigenvalue(hidden, d, () => 1 / m)
  const wide = new Float64Array(m * (d + 1)).fill(1)
  for (let j = 0; j < m; j++) for (let k = 0; k < d; k++) wide[j * (d + 1) + k] = hidden[j * d + k]
  return largestEigenvalue(wide, d + 1, () => 1 / m)
}

interface Outcome {
  loss: number
  dHidden: ArrayLike<number>
  gradNorm: number
}

/** Root mean squares of relative errors. */
class Sums {
  private dHidden = 0
  private loss = 0
  private gradNorm = 0
  private count = 0

  add(result: Outcome, truth: Outcome): void {
    this.dHidden += relativeError(result.dHidden, truth.dHidden) ** 2
    this.loss += relativeError([result.loss], [truth.loss]) ** 2
    this.gradNorm += relativeError([result.gradNorm], [truth.gradNorm]) ** 2
    this.count++
  }

  means(): Omit<Errors, 'weights'> {
    const mean = (sum: number) => Math.sqrt(sum / this.count)
    return { dHidden: mean(this.dHidden), loss: mean(this.loss), gradNorm: mean(this.gradNorm) }
  }
}

export function range(from: number, to: number): Int32Array {
  return Int32Array.from({ length: to - from }, (_, i) => from + i)
}

/** Relative Frobenius error of these rows of W (default: all) with their biases. */
export function weightError(head: Head, judge: Float64Head, classes = range(0, judge.numClasses)): number {
  const rows = head.rows(classes)
  const biases = head.bias ? head.biases(classes) : new Float32Array(0)
  const truth = head.bias ? judge.biases(classes) : new Float64Array(0)
  return relativeError([...rows, ...biases], [...judge.rows(classes), ...truth])
}

/** Appends the measured errors to the file WIDEHEAD_TEST_REPORT names, one JSON object a line. */
function report(race: Race, exact: Errors, dense: Errors): void {
  const file = process.env.WIDEHEAD_TEST_REPORT
  if (file === undefined) return
  const { group, lossCase, bias = false, stream } = race.trial
  appendFileSync(
    file,
    `${JSON.stringify({ group, loss: lossCase.name, bias, steps: race.steps, ...stream, exact, dense })}\n`,
  )
}
