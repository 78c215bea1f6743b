// Scores a network on held-out examples: mean loss, and the metrics of the format.

import type { Batch } from '../data/batch.js'
import type { Task } from '../data/formats/format.js'
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
  options: EvaluationOptions = {},
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
  if (!examples) throw new WideheadError('WIDEHEAD_DATA', 'there is no example to evaluate')
  const mean = loss / counted
  const scores: Scores = { examples, loss: mean, ...metrics.result() }
  if (task.perplexity && head.loss.probabilistic) scores.perplexity = Math.exp(mean)
  return scores
}
