// close() while asynchronous steps are on their way.

import { describe, expect, test } from 'vitest'
import { customLoss, DenseHead, ExactHead, type HeadOptions, squaredError } from '../../lib/index.js'
import { squaredErrorByHand } from '../judge/custom-losses.js'
import { batches, smallHead } from '../suites/helpers.js'
import { closed, expectSecondStepEnds, expectStepsEnd, rate } from './closing.js'

describe.each([
  { name: 'ExactHead', create: (options: HeadOptions) => new ExactHead(options) },
  { name: 'DenseHead', create: (options: HeadOptions) => new DenseHead(options) },
])('$name', ({ create }) => {
  test.each([
    { what: 'built-in loss', loss: squaredError() },
    { what: 'custom loss', loss: customLoss(squaredErrorByHand) },
  ])('steps on their way end as if nothing had happened, $what', ({ loss }) => expectStepsEnd(create, { loss }))

  test('closed between two steps, many times over', () => expectSecondStepEnds(create, 200))

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
