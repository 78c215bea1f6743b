// close() while asynchronous steps are on their way: what holds for every head.

import { expect } from 'vitest'
import type { Head, HeadOptions } from '../../lib/index.js'
import { batches, smallHead } from '../suites/helpers.js'

export const rate = { learningRate: 0.03 }
export const closed = expect.objectContaining({ name: 'WideheadError', code: 'WIDEHEAD_CLOSED' })

type Create = (options: HeadOptions) => Head

/** Steps that were asked for before close() end as if nothing had happened; nothing else is taken. */
export async function expectStepsEnd(create: Create, changes: Partial<HeadOptions> = {}): Promise<void> {
  const [head, plain] = [smallHead(create, changes), smallHead(create, changes)]
  const examples = batches(6, { batchSize: 40 })
  const promises = examples.map(({ hidden, targets }) => head.stepAsync(hidden, targets, rate))
  const expectClosed = () => {
    expect(head.closed).toBe(true)
    expect(() => head.rows(Int32Array.of(0))).toThrow(closed)
    expect(() => head.topK(examples[0].hidden, 3)).toThrow(closed)
  }
  head.close()
  expectClosed()
  await expect(head.stepAsync(examples[0].hidden, examples[0].targets, rate)).rejects.toThrow(closed)
  head.close()
  const results = await Promise.all(promises)
  expect(results).toEqual(examples.map(({ hidden, targets }) => plain.step(hidden, targets, rate)))
  expectClosed()
}

/** Closed between two steps, many times over. */
export async function expectSecondStepEnds(create: Create, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const head = smallHead(create)
    const [one, two] = batches(2, { seed: round })
    const first = head.stepAsync(one.hidden, one.targets, rate)
    const second = head.stepAsync(two.hidden, two.targets, rate)
    await first
    head.close()
    expect((await second).loss).toBeGreaterThan(0)
    expect(head.closed).toBe(true)
  }
}
