// Scores a network on held-out examples: mean loss, and the metrics of the format.

import type { Batch } from '../data/batch.js'
import type { Task } from '../data/formats/format.js'
import type { Source } from '../data/source.js'
import { testBatches } from '../data/stream.js'
import { WideheadError } from '../errors.js'
import type { Head } from '../heads/types.js'
import type { Network } from './network.js'
import { type Approximate, type RankingHead, rank } from './ranking.js'

/** Rows ranked at once: enough to make a product of it, few enough that their lists stay small. */
export const EVALUATION_BATCH = 256

export type Scores = Record<string, number>

export interface EvaluationOptions {
  /** Called after each batch with the examples so far; true stops, and there are no scores. */
  onBatch?: (examples: number) => boolean
  /** Ranks by the head's own search; the loss is exact all the same. */
  approximate?: Approximate
  /** What the examples are from, for the error that there are none. */
  files: readonly Source[]
}

function noExample(files: readonly Source[]): WideheadError {
  return new WideheadError('WIDEHEAD_DATA', `${files.map(({ label }) => label).join(', ')}: no example to evaluate`)
}

/** Throws if there is none, which is better told before training than after an epoch. */
export async function checkExamples(task: Task, files: readonly Source[]): Promise<void> {
  for await (const _ of testBatches(task, files, [], { batch: 1 })) return
  throw noExample(files)
}

/** What of a network is evaluated. */
export interface Evaluated {
  trunk: Pick<Network['trunk'], 'evaluate'>
  head: RankingHead & Pick<Head, 'loss' | 'evaluateAsync'>
}

export async function evaluate(
  { trunk, head }: Evaluated,
  task: Task,
  batches: AsyncIterable<Batch>,
  options: EvaluationOptions,
): Promise<Scores | undefined> {
  const metrics = task.metrics()
  let examples = 0
  let counted = 0
  let loss = 0
  for await (const batch of batches) {
    const hidden = trunk.evaluate(batch.input)
    const { losses } = await head.evaluateAsync(hidden, batch.targets, { exact: true })
    const rankings = await rank(head, hidden, metrics.depth, batch.excluded, options.approximate)
    const { indptr, indices } = batch.truth
    for (let i = 0; i < batch.size; i++) {
      const truth = indices.subarray(indptr[i], indptr[i + 1])
      metrics.add(rankings[i].classes, truth, batch.missing[i])
      if (truth.length === 0 && batch.missing[i] > 0) continue // it has a loss only without what makes it an example
      loss += losses[i]
      counted++
    }
    examples += batch.size
    if (options.onBatch?.(examples)) return undefined
  }
  if (!examples) throw noExample(options.files)
  const mean = loss / counted
  const scores: Scores = { examples, loss: mean, ...metrics.result() }
  if (task.perplexity && head.loss.probabilistic) scores.perplexity = Math.exp(mean)
  return withValue(scores)
}

/** What was judged by no example has no value: 0 / 0 is none, and JSON would make it null. */
function withValue(scores: Scores): Scores {
  return Object.fromEntries(Object.entries(scores).filter(([, value]) => !Number.isNaN(value)))
}
