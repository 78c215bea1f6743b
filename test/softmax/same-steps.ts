import { expect } from 'vitest'
import type { BaseHead } from '../../lib/heads/base.js'
import type { ApplyOptions } from '../../lib/index.js'
import { relativeError } from '../judge/float64-head.js'
import type { Stream } from '../judge/stream.js'

interface Bounds {
  /** Of the loss and the gradient's norm. */
  numbers: number
  dHidden?: number
  rows: number
}

/** Two heads make the same steps, and end with the same rows. */
export function expectSameSteps(
  [a, b]: [BaseHead, BaseHead],
  { stream, steps, options }: { stream: Stream; steps: number; options: ApplyOptions },
  bounds: Bounds,
): void {
  for (let t = 0; t < steps; t++) {
    const { hidden, targets } = stream.next()
    const [one, two] = [a.step(hidden, targets, options), b.step(hidden, targets, options)]
    expect(relativeError([one.loss, one.gradNorm], [two.loss, two.gradNorm])).toBeLessThan(bounds.numbers)
    if (bounds.dHidden) expect(relativeError(one.dHidden, two.dHidden)).toBeLessThan(bounds.dHidden)
  }
  const all = Int32Array.from({ length: a.numClasses }, (_, i) => i)
  expect(relativeError(a.rows(all), b.rows(all))).toBeLessThan(bounds.rows)
}
