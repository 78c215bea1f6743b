// rank(): how far the search for each row goes, and that any number of rows may be ranked at once.

import { describe, expect, it } from 'vitest'
import { type RankingHead, rank } from '../../lib/cli/ranking.js'

/** A head of one feature that finds the classes 0, 1, 2 ..., and tells what it was asked for. */
function recording(numClasses: number) {
  const calls: { hidden: number[]; k: number }[] = []
  const head: RankingHead = {
    numClasses,
    hiddenSize: 1,
    topKAsync: async (hidden, k) => {
      calls.push({ hidden: [...hidden], k })
      const classes = Int32Array.from({ length: hidden.length * k }, (_, i) => i % k)
      return { classes, logits: Float32Array.from(classes, (id) => -id) }
    },
  }
  return { head, calls }
}

const noneOf = (rows: number) => ({ indptr: new Int32Array(rows + 1), indices: new Int32Array() })
const lengths = (rankings: readonly { classes: Int32Array }[]) => rankings.map(({ classes }) => classes.length)

describe('rank', () => {
  it('asks for long lists only where they are wanted', async () => {
    const { head, calls } = recording(100_000)
    const rankings = await rank(head, Float32Array.of(1, 2, 3, 4, 5), [1, 50_000, 10, 1, 70_000], noneOf(5))
    expect(lengths(rankings)).toEqual([1, 50_000, 10, 1, 70_000])
    expect(calls).toEqual([
      { hidden: [1, 3, 4], k: 10 },
      { hidden: [2, 5], k: 70_000 },
    ])
  })

  it('makes room for what is excluded, row by row', async () => {
    const { head, calls } = recording(1000)
    const indptr = Int32Array.of(0, 500, 502, 502)
    const indices = Int32Array.from({ length: 502 }, (_, i) => (i < 500 ? i : i - 500))
    const rankings = await rank(head, Float32Array.of(1, 2, 3), 20, { indptr, indices })
    expect(rankings.map(({ classes }) => classes[0])).toEqual([500, 2, 0])
    expect(lengths(rankings)).toEqual([20, 20, 20])
    expect(calls.map(({ hidden, k }) => [hidden.length, k])).toEqual([
      [2, 22],
      [1, 520],
    ])
  })

  it('asks for no more classes than there are', async () => {
    const { head, calls } = recording(30)
    expect(lengths(await rank(head, Float32Array.of(1, 2), [5, 2 ** 31 - 1], noneOf(2)))).toEqual([5, 30])
    expect(calls.map(({ k }) => k)).toEqual([30])
  })

  it('ranks more rows than a call has room for arguments', async () => {
    const { head } = recording(2)
    const rows = 300_000
    expect(await rank(head, new Float32Array(rows), 1, noneOf(rows))).toHaveLength(rows)
  })
})
