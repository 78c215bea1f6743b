// What a model answers to a batch of queries: the best classes of each, with their probabilities where the loss has them.

import type { Batch } from '../data/batch.js'
import type { Head } from '../heads/types.js'
import { isOwnLoss } from './heads.js'
import type { Model } from './model.js'
import { type Approximate, type Ranking, rank } from './ranking.js'

/**
 * A class that was predicted.
 *
 * @category The command line as functions
 */
export interface Prediction {
  /** Its name, or its number where classes have no names. */
  class: string | number
  /** Its output o. */
  logit: number
  /** Of losses that have probabilities, when the search was exact: 0 to 1. */
  probability?: number
}

export interface AnswerOptions {
  /** Classes of each example; one number for all of them, or one each. */
  top: number | readonly number[]
  approximate?: Approximate
}

/** One list an example, best first. */
export async function answer(
  { network: { trunk, head }, task }: Model,
  batch: Batch,
  { top, approximate }: AnswerOptions,
): Promise<Prediction[][]> {
  const hidden = trunk.evaluate(batch.input)
  const rankings = await rank(head, hidden, top, batch.excluded, approximate)
  // A probability takes all outputs, which a search of some is there to avoid.
  const chances = head.loss.probabilistic && !approximate ? await probabilities(head, hidden, rankings) : undefined
  let next = 0
  return rankings.map(({ classes, logits }) =>
    Array.from(classes, (id, i) => ({
      class: task.className(id),
      logit: logits[i],
      ...(chances && { probability: chances[next++] }),
    })),
  )
}

/**
 * The probability of each ranked class, one after the other: the loss of it as the only target is its logarithm. Where
 * probabilities go as exp(logit), the first of each example tells the others.
 */
async function probabilities(head: Head, hidden: Float32Array, rankings: readonly Ranking[]): Promise<Float64Array> {
  const exponential = isOwnLoss(head.loss.name)
  const asked = exponential ? rankings.map(({ classes }) => classes.subarray(0, 1)) : rankings.map((row) => row.classes)
  const losses = await lossesOf(head, hidden, asked)
  if (!exponential) return losses.map((loss) => Math.exp(-loss))
  let next = 0
  return Float64Array.from(
    rankings.flatMap(({ logits }) => {
      const first = logits.length ? losses[next++] : 0
      return Array.from(logits, (logit) => Math.exp(logit - logits[0] - first))
    }),
  )
}

/** The loss of each class of each list as the only target of its example. */
async function lossesOf(head: Head, hidden: Float32Array, lists: readonly Int32Array[]): Promise<Float64Array> {
  const d = head.hiddenSize
  const total = lists.reduce((sum, classes) => sum + classes.length, 0)
  const rows = new Float32Array(total * d)
  const targets = new Int32Array(total)
  let next = 0
  lists.forEach((classes, i) => {
    for (const id of classes) {
      rows.set(hidden.subarray(i * d, (i + 1) * d), next * d)
      targets[next++] = id
    }
  })
  return total ? (await head.evaluateAsync(rows, targets, { exact: true })).losses : new Float64Array()
}
