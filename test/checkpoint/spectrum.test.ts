import { describe, expect, it } from 'vitest'
import { singularValues } from '../../lib/checkpoint/spectrum.js'
import { Random } from '../judge/random.js'

const random = new Random(3)

/** Q1 diag(values) Q2^T with random orthogonal Q1 and Q2 (products of reflections). */
function matrixWith(values: number[]): Float64Array {
  const n = values.length
  const a = new Float64Array(n * n)
  for (const [i, value] of values.entries()) a[i * n + i] = value
  for (let round = 0; round < 3; round++) {
    for (const side of ['rows', 'columns']) {
      const v = random.normals(n)
      const norm = v.reduce((sum, x) => sum + x * x, 0)
      const at = (i: number, j: number) => (side === 'rows' ? i * n + j : j * n + i)
      for (let j = 0; j < n; j++) {
        let dot = 0
        for (let i = 0; i < n; i++) dot += v[i] * a[at(i, j)]
        for (let i = 0; i < n; i++) a[at(i, j)] -= ((2 * dot) / norm) * v[i]
      }
    }
  }
  return a
}

describe('singularValues', () => {
  it.each([
    ['one', [3]],
    ['two', [5, 2]],
    ['all alike', [2, 2, 2, 2, 2]],
    ['clusters', [4, 4, 4, 1, 1, 1, 0.5]],
    ['none but zeros', [0, 0, 0]],
    ['a rank that is not full', [7, 3, 1, 0, 0]],
    ['a wide range', [1e4, 1e2, 1, 1e-2, 1e-3]],
    ['many', Array.from({ length: 90 }, (_, i) => 10 * 0.93 ** i)],
  ])('finds %s', (_, values) => {
    const found = singularValues(matrixWith(values), values.length)
    expect(found.length).toBe(values.length)
    for (const [i, value] of values.entries()) expect(Math.abs(found[i] - value)).toBeLessThan(1e-7 * values[0] + 1e-12)
  })

  it('finds those of a diagonal matrix and of an identity', () => {
    expect([...singularValues(Float32Array.of(0, 0, 0, -3), 2)]).toEqual([3, 0])
    expect([...singularValues(Float32Array.of(1, 0, 0, 1), 2)]).toEqual([1, 1])
  })
})
