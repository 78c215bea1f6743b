import { describe, expect, test } from 'vitest'
import type { StepResult } from '../../lib/index.js'
import type { CreateHead } from './head-suite.js'
import { batches, detach, fate, smallHead, train } from './helpers.js'
import type { Plan } from './plan.js'

const rate = { learningRate: 0.03, weightDecay: 0.01, clipNorm: 3 }
const busy = expect.objectContaining({ name: 'WideheadError', code: 'WIDEHEAD_BUSY' })

export function asyncSuite(create: CreateHead, { passes }: Plan): void {
  describe.each(passes)('$name loss', ({ loss }) => {
    test('stepAsync is step, bit for bit', async () => {
      const [a, b] = [smallHead(create, { loss }), smallHead(create, { loss })]
      for (const { hidden, targets } of batches(20)) {
        expect(await a.stepAsync(hidden, targets, rate)).toEqual(b.step(hidden, targets, rate))
      }
      expect(fate(a)).toEqual(fate(b))
    })

    test('calls on one head run in the order in which they were made', async () => {
      const [a, b] = [smallHead(create, { loss }), smallHead(create, { loss })]
      const examples = [10, 1, 60, 2, 30, 5].flatMap((batchSize) => batches(4, { batchSize, seed: batchSize }))
      const ended: number[] = []
      const promises = examples.map(async ({ hidden, targets }, n) => {
        const result = await a.stepAsync(hidden, targets, rate)
        ended.push(n)
        return result
      })
      const results = await Promise.all(promises)
      expect(ended).toEqual(examples.map((_, n) => n))
      expect(results).toEqual(examples.map(({ hidden, targets }): StepResult => b.step(hidden, targets, rate)))
      expect(fate(a)).toEqual(fate(b))
    })

    test('what a caller does to its arrays after the call does not matter', async () => {
      const [a, b] = [smallHead(create, { loss }), smallHead(create, { loss })]
      const promises = batches(10).map(({ hidden, targets }) => {
        const promise = a.stepAsync(hidden, targets, rate)
        hidden.fill(Number.NaN)
        if ('indptr' in targets) {
          targets.indptr.fill(-5)
          targets.indices.fill(1_000_000)
          if (targets.values) detach(targets.values)
        }
        detach(hidden)
        return promise
      })
      await Promise.all(promises)
      train(b, batches(10), rate)
      expect(fate(a)).toEqual(fate(b))
    })
  })

  test('several heads at once', async () => {
    const heads = [1, 2, 3, 4, 5].map(() => smallHead(create))
    const examples = batches(20, { batchSize: 30 })
    await Promise.all(
      examples.flatMap(({ hidden, targets }) => heads.map((head) => head.stepAsync(hidden, targets, rate))),
    )
    const alone = smallHead(create)
    train(alone, examples, rate)
    const expected = fate(alone)
    for (const head of heads) expect(fate(head)).toEqual(expected)
  })

  test('synchronous calls meanwhile fail and harm nothing', async () => {
    const [a, b] = [smallHead(create), smallHead(create)]
    const [one, two] = batches(2)
    const early = a.forward(two.hidden, two.targets)
    const promise = a.stepAsync(one.hidden, one.targets, rate)
    expect(() => a.step(two.hidden, two.targets, rate)).toThrow(busy)
    expect(() => a.forward(two.hidden, two.targets)).toThrow(busy)
    expect(() => early.apply(rate)).toThrow(busy)
    expect(() => a.evaluate(two.hidden, two.targets)).toThrow(busy)
    expect(() => a.logits(two.hidden, Int32Array.of(1))).toThrow(busy)
    expect(() => a.topK(two.hidden, 2)).toThrow(busy)
    expect(() => a.rows(Int32Array.of(1))).toThrow(busy)
    expect(() => a.biases(Int32Array.of(1))).toThrow(busy)
    expect(await promise).toEqual(b.step(one.hidden, one.targets, rate))
    expect(() => early.apply(rate)).toThrow(expect.objectContaining({ code: 'WIDEHEAD_STALE' }))
    expect(fate(a)).toEqual(fate(b))
  })

  test('a step that fails does not keep the next one from running', async () => {
    const [a, b] = [smallHead(create), smallHead(create)]
    const [one, two] = batches(2)
    const wrong = one.hidden.slice()
    wrong[3] = Number.NaN
    const promises = [
      a.stepAsync(one.hidden, one.targets, rate),
      a.stepAsync(wrong, one.targets, rate),
      a.stepAsync(two.hidden, two.targets, rate),
    ]
    const results = await Promise.allSettled(promises)
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    train(b, [one, two], rate)
    expect(fate(a)).toEqual(fate(b))
  })

  test('the promise ends on a later turn, never before the call returns', async () => {
    const head = smallHead(create)
    const [{ hidden, targets }] = batches(1)
    let ended = false
    const promise = head.stepAsync(hidden, targets, rate).then(() => {
      ended = true
    })
    expect(ended).toBe(false)
    await promise
    expect(ended).toBe(true)
  })
}
