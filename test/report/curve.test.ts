import { describe, expect, it } from 'vitest'
import { Curve } from '../../lib/report/curve.js'

function curve(values: readonly number[], first = 1): Curve {
  const made = new Curve()
  values.forEach((value, i) => {
    made.push({ step: first + i, seconds: (first + i) / 10, value })
  })
  return made
}

describe('Curve', () => {
  it('keeps a short curve as it is', () => {
    expect(curve([3, 1, 2, 2]).columns()).toEqual({
      step: [1, 2, 3, 4],
      seconds: [0.1, 0.2, 0.3, 0.4],
      value: [3, 1, 2, 2],
    })
    expect(new Curve().columns()).toEqual({ step: [], seconds: [], value: [] })
  })

  it('stays small, and keeps each peak, the first and the last point', () => {
    const length = 200_000
    const peaks = new Map([
      [77_777, 1e6],
      [123_456, -1e6],
    ])
    const long = curve(Array.from({ length }, (_, i) => peaks.get(i) ?? Math.sin(i)))
    const { step, seconds, value } = long.columns()
    expect(step.length).toBeGreaterThan(500)
    expect(step.length).toBeLessThanOrEqual(1202)
    expect([seconds.length, value.length]).toEqual([step.length, step.length])
    expect(step).toEqual([...new Set(step)].sort((a, b) => a - b))
    expect([step[0], step.at(-1)]).toEqual([1, length])
    for (const [i, peak] of peaks) expect(value[step.indexOf(i + 1)]).toBe(peak)
    expect(long.last).toEqual({ step: length, seconds: length / 10, value: Math.sin(length - 1) })
  })

  it('covers its whole length evenly', () => {
    const { step } = curve(Array.from({ length: 100_000 }, (_, i) => i % 7)).columns()
    const gaps = step.slice(1).map((place, i) => place - step[i])
    expect(Math.max(...gaps)).toBeLessThan(1000)
  })

  it('forgets what is done again', () => {
    const resumed = curve([1, 2, 3, 4, 5])
    resumed.push({ step: 3, seconds: 0.6, value: 9 })
    expect(resumed.columns()).toEqual({ step: [1, 2, 3], seconds: [0.1, 0.2, 0.6], value: [1, 2, 9] })
    resumed.rewind(1)
    expect(resumed.last).toBeUndefined()
  })

  it('forgets within a bucket of many points', () => {
    const long = curve(Array.from({ length: 10_000 }, (_, i) => i))
    long.rewind(5003)
    expect(long.last?.step).toBeLessThan(5003)
    expect(long.last?.step).toBeGreaterThan(4900)
    long.push({ step: 5003, seconds: 2000, value: -1 })
    const { step, value } = long.columns()
    expect(step.at(-1)).toBe(5003)
    expect(value.at(-1)).toBe(-1)
    expect(step).toEqual([...new Set(step)].sort((a, b) => a - b))
  })
})
