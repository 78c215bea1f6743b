// The best classes of each example of a batch, without those it excludes: enough classes are asked for that the excluded
// ones can be taken out. Exact, unless a search of the head's own is asked for.

import type { Rows } from '../data/batch.js'
import type { Head, TopKOptions } from '../heads/types.js'

export interface Ranking {
  classes: Int32Array
  logits: Float32Array
}

/** True: the head's own search; a number: with outputs of that many classes computed, or as many as are asked for. */
export type Approximate = boolean | number

/** What of a head ranks. */
export type RankingHead = Pick<Head, 'numClasses' | 'hiddenSize' | 'topKAsync'>

export async function rank(
  head: RankingHead,
  hidden: Float32Array,
  depth: number,
  excluded: Rows,
  approximate: Approximate = false,
): Promise<Ranking[]> {
  const size = hidden.length / head.hiddenSize
  const count = (row: number) => excluded.indptr[row + 1] - excluded.indptr[row]
  const rows = Array.from({ length: size }, (_, row) => row)
  const rankings = new Array<Ranking>(size)
  // The few rows that exclude far more than the others would make the lists of all of them long.
  const [few, many] = [rows.filter((row) => count(row) <= 3 * depth), rows.filter((row) => count(row) > 3 * depth)]
  for (const group of [few, many]) {
    if (!group.length) continue
    const k = Math.min(head.numClasses, depth + Math.max(...group.map(count)))
    const chosen = pick(hidden, group, head.hiddenSize)
    const { classes, logits } = await head.topKAsync(chosen, k, searchOptions(head, k, approximate))
    group.forEach((row, i) => {
      const best = { classes: classes.subarray(i * k, (i + 1) * k), logits: logits.subarray(i * k, (i + 1) * k) }
      rankings[row] = without(best, excluded.indices.subarray(excluded.indptr[row], excluded.indptr[row + 1]), depth)
    })
  }
  return rankings
}

function searchOptions({ numClasses }: RankingHead, k: number, approximate: Approximate): TopKOptions {
  if (typeof approximate === 'boolean') return { exact: !approximate }
  return { exact: false, candidates: Math.min(numClasses, Math.max(k, approximate)) }
}

function pick(hidden: Float32Array, rows: readonly number[], width: number): Float32Array {
  if (rows.length * width === hidden.length) return hidden
  const picked = new Float32Array(rows.length * width)
  rows.forEach((row, i) => {
    picked.set(hidden.subarray(row * width, (row + 1) * width), i * width)
  })
  return picked
}

function without(row: Ranking, excluded: Int32Array, depth: number): Ranking {
  const out = new Set(excluded)
  const places: number[] = []
  for (let i = 0; i < row.classes.length && places.length < depth; i++) if (!out.has(row.classes[i])) places.push(i)
  return {
    classes: Int32Array.from(places, (place) => row.classes[place]),
    logits: Float32Array.from(places, (place) => row.logits[place]),
  }
}
