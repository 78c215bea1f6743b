// close() while asynchronous steps are on their way.

import { describe, expect, test } from 'vitest'
import { customLoss, DenseHead, ExactHead, type HeadOptions, squaredError } from '../../lib/index.js'
import { squaredErrorByHand } from '../judge/custom-losses.js'
import { batches, smallHead } from '../suites/helpers.js'

const rate = { learningRate: 0.03 }
const closed = expect.objectContaining({ name: 'WideheadError', code: 'WIDEHEAD_CLOSED' })

describe.each([
  { name: 'ExactHead', create: (options: HeadOptions) => new ExactHead(options) },
  { name: 'DenseHead', create: (options: HeadOptions) => new DenseHead(options) },
])('$name', ({ create }) => {
  test.each([
    { what: 'built-in loss', loss: squaredError() },
    { what: 'custom loss', loss: customLoss(squaredErrorByHand) },
  ])('steps on their way end as if nothing had happened, $what', async ({ loss }) => {
    const [head, plain] = [smallHead(create, { loss }), smallHead(create, { loss })]
    const examples = batches(6, { batchSize: 40 })
    const promises = examples.map(({ hidden, targets }) => head.stepAsync(hidden, targets, rate))
    head.close()
    expect(head.closed).toBe(true)
    expect(() => head.rows(Int32Array.of(0))).toThrow(closed)
    await expect(head.stepAsync(examples[0].hidden, examples[0].targets, rate)).rejects.toThrow(closed)
    head.close()
    const results = await Promise.all(promises)
    expect(results).toEqual(examples.map(({ hidden, targets }) => plain.step(hidden, targets, rate)))
    expect(() => head.rows(Int32Array.of(0))).toThrow(closed)
  })

  test('closed between two steps, many times over', async () => {
    for (let round = 0; round < 200; round++) {
      const head = smallHead(create)
      const [one, two] = batches(2, { seed: round })
      const first = head.stepAsync(one.hidden, one.targets, rate)
      const second = head.stepAsync(two.hidden, two.targets, rate)
      await first
      head.close()
      expect((await second).loss).toBeGreaterThan(0)
      expect(head.closed).toBe(true)
    }
  })

  test('closed by the loss itself', async () => {
    let head = smallHead(create)
    const loss = customLoss((batch) => {
      head.close()
      squaredErrorByHand(batch)
    })
    const [{ hidden, targets }] = batches(1)
    const right = head.step(hidden, targets, rate).loss
    for (const call of [
      async () => head.step(hidden, targets, rate),
      async () => head.forward(hidden, targets),
      async () => head.evaluate(hidden, targets),
      () => head.stepAsync(hidden, targets, rate),
    ]) {
      head = smallHead(create, { loss })
      // Whether the call ends or fails is not promised: that it does one of them is.
      const outcome = await call().then(
        (result) => result.loss,
        (error) => error,
      )
      if (outcome instanceof Error) expect(outcome).toEqual(closed)
      else expect(outcome).toBeCloseTo(right, 5)
      expect(head.closed).toBe(true)
    }
  })
})
