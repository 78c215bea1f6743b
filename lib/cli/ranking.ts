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

/** `depth`: how many classes of each row; one number for all of them, or one each. */
export async function rank(
  head: RankingHead,
  hidden: Float32Array,
  depth: number | readonly number[],
  excluded: Rows,
  approximate: Approximate = false,
): Promise<Ranking[]> {
  const depths = Array.from({ length: hidden.length / head.hiddenSize }, (_, row) =>
    typeof depth === 'number' ? depth : depth[row],
  )
  const needs = depths.map((own, row) =>
    Math.min(head.numClasses, own + excluded.indptr[row + 1] - excluded.indptr[row]),
  )
  const rankings = new Array<Ranking>(depths.length)
  for (const { rows, k } of groupsOf(needs)) {
    const chosen = pick(hidden, rows, head.hiddenSize)
    const { classes, logits } = await head.topKAsync(chosen, k, searchOptions(head, k, approximate))
    rows.forEach((row, i) => {
      const best = { classes: classes.subarray(i * k, (i + 1) * k), logits: logits.subarray(i * k, (i + 1) * k) }
      rankings[row] = without(
        best,
        excluded.indices.subarray(excluded.indptr[row], excluded.indptr[row + 1]),
        depths[row],
      )
    })
  }
  return rankings
}

/** Lists up to this length cost next to nothing: not worth a search of their own. */
const SHORT = 64

/** Rows that need lists of similar lengths go together: the few with long ones must not make those of all rows long. */
function groupsOf(needs: readonly number[]): { rows: number[]; k: number }[] {
  const groups: { rows: number[]; k: number; most: number }[] = []
  const byNeed = needs.map((_, row) => row).sort((a, b) => needs[a] - needs[b])
  for (const row of byNeed) {
    const k = needs[row]
    const group = groups.at(-1)
    if (group && k <= group.most) {
      group.rows.push(row)
      group.k = k
    } else {
      groups.push({ rows: [row], k, most: Math.max(SHORT, 4 * k) })
    }
  }
  for (const { rows } of groups) rows.sort((a, b) => a - b) // as they lie in hidden
  return groups
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
