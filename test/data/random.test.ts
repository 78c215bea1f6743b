import { describe, expect, it } from 'vitest'
import { Random, shuffle } from '../../lib/data/random.js'

describe('Random', () => {
  it('depends on each of its seeds, on both halves of large ones', () => {
    const streams = [[0], [1], [0, 0], [1, 0], [0, 1], [2 ** 32], [2 ** 40 + 1], [2 ** 40]]
    const firsts = streams.map((seeds) => new Random(...seeds).word())
    expect(new Set(firsts).size).toBe(streams.length)
    expect(new Random(7, 3).word()).toBe(new Random(7, 3).word())
  })

  it('draws evenly', () => {
    const random = new Random(5)
    const counts = new Float64Array(10)
    for (let i = 0; i < 100_000; i++) counts[random.below(10)]++
    // 6 standard deviations of a count of 10,000
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(6 * Math.sqrt(9_000))
  })
})

describe('shuffle', () => {
  it('permutes, each place by chance', () => {
    const places = new Float64Array(5)
    for (let seed = 0; seed < 2000; seed++) {
      const items = [0, 1, 2, 3, 4]
      shuffle(items, new Random(seed))
      expect([...items].sort()).toEqual([0, 1, 2, 3, 4])
      places[items.indexOf(0)]++
    }
    for (const count of places) expect(Math.abs(count - 400)).toBeLessThan(6 * Math.sqrt(320))
  })

  it('draws the first `count` from all', () => {
    const seen = new Set<number>()
    for (let seed = 0; seed < 200; seed++) {
      const items = Int32Array.of(0, 1, 2, 3)
      shuffle(items, new Random(seed), 1)
      seen.add(items[0])
    }
    expect(seen).toEqual(new Set([0, 1, 2, 3]))
  })
})
