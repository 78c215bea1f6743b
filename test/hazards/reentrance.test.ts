// A custom loss runs in the middle of a step: what it calls on its own head must not disturb that step.

import { describe, expect, test } from 'vitest'
import { customLoss, DenseHead, ExactHead, type Head, type HeadOptions, WideheadError } from '../../lib/index.js'
import { squaredErrorByHand } from '../judge/custom-losses.js'
import { batches, fate, smallHead, train } from '../suites/helpers.js'

const rate = { learningRate: 0.03 }
const [outer, inner] = [batches(1)[0], batches(1, { batchSize: 50, seed: 3 })[0]]

const CALLS: { name: string; call: (head: Head) => unknown }[] = [
  { name: 'step', call: (head) => head.step(inner.hidden, inner.targets, rate) },
  { name: 'forward', call: (head) => head.forward(inner.hidden, inner.targets) },
  { name: 'evaluate', call: (head) => head.evaluate(inner.hidden, inner.targets) },
  { name: 'topK', call: (head) => head.topK(inner.hidden, 3) },
  { name: 'rows', call: (head) => head.rows(Int32Array.of(1, 2)) },
]

describe.each([
  { name: 'ExactHead', create: (options: HeadOptions) => new ExactHead(options) },
  { name: 'DenseHead', create: (options: HeadOptions) => new DenseHead(options) },
])('$name', ({ create }) => {
  /** A trained head whose loss calls `call` on the head once, when armed; and what that gave. */
  function meddling(call: (head: Head) => unknown): { head: Head; arm: () => void; outcome: () => unknown } {
    let armed = false
    let outcome: unknown
    const loss = customLoss((batch) => {
      if (armed) {
        armed = false
        try {
          outcome = call(head)
        } catch (error) {
          outcome = error
        }
      }
      squaredErrorByHand(batch)
    })
    const head = smallHead(create, { loss })
    train(head, batches(10))
    const arm = () => {
      armed = true
    }
    return { head, arm, outcome: () => outcome }
  }

  test.each(CALLS)('$name from within the loss', async ({ name, call }) => {
    for (const asynchronous of [false, true]) {
      const { head, arm, outcome } = meddling(call)
      const plain = meddling(() => {}).head
      arm()
      const result = asynchronous
        ? await head.stepAsync(outer.hidden, outer.targets, rate)
        : head.step(outer.hidden, outer.targets, rate)
      expect(result).toEqual(plain.step(outer.hidden, outer.targets, rate))
      // Nothing but reads may be let through.
      if (asynchronous || name === 'step') expect(outcome()).toBeInstanceOf(WideheadError)
      expect(fate(head)).toEqual(fate(plain))
    }
  })

  test('stepAsync from within the loss of a step waits its turn', async () => {
    let promise: Promise<unknown> | undefined
    const { head, arm } = meddling((own) => {
      promise = own.stepAsync(inner.hidden, inner.targets, rate)
    })
    const plain = meddling(() => {}).head
    arm()
    head.step(outer.hidden, outer.targets, rate)
    await promise
    train(plain, [outer, inner], rate)
    expect(fate(head)).toEqual(fate(plain))
  })

  test('another head may be used freely', () => {
    const other = smallHead(create)
    const { head, arm } = meddling(() => other.step(inner.hidden, inner.targets, rate))
    const plain = meddling(() => {}).head
    arm()
    train(head, [outer], rate)
    train(plain, [outer], rate)
    expect(fate(head)).toEqual(fate(plain))
  })
})
