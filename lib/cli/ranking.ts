// The best classes of each example of a batch, without those it excludes. Exact: enough classes are asked for that the
// excluded ones can be taken out.

import type { Rows } from '../data/batch.js'
import type { Head } from '../heads/types.js'

export interface Ranking {
  classes: Int32Array
  logits: Float32Array
}

export function rank(head: Head, hidden: Float32Array, depth: number, excluded: Rows): Ranking[] {
  const size = hidden.length / head.hiddenSize
  const count = (row: number) => excluded.indptr[row + 1] - excluded.indptr[row]
  const rows = Array.from({ length: size }, (_, row) => row)
  const rankings = new Array<Ranking>(size)
  // The few rows that exclude far more than the others would make the lists of all of them long.
  const [few, many] = [rows.filter((row) => count(row) <= 3 * depth), rows.filter((row) => count(row) > 3 * depth)]
  for (const group of [few, many]) {
    if (!group.length) continue
    const k = Math.min(head.numClasses, depth + Math.max(...group.map(count)))
    const { classes, logits } = head.topK(pick(hidden, group, head.hiddenSize), k)
    group.forEach((row, i) => {
      const best = { classes: classes.subarray(i * k, (i + 1) * k), logits: logits.subarray(i * k, (i + 1) * k) }
      rankings[row] = without(best, excluded.indices.subarray(excluded.indptr[row], excluded.indptr[row + 1]), depth)
    })
  }
  return rankings
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
