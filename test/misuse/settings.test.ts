// Each misuse of a loss, of the exact head's policy and of the number of threads has its error, and nothing has changed.

import { expect, test } from 'vitest'
import { ExactHead, type ExactHeadOptions, setThreads, squaredError, threads } from '../../lib/index.js'
import { hiddenSize, type Misuse, numClasses } from './calls.js'
import { LOSS_MISUSES } from './constructions.js'
import { caught, expectMisuse } from './expect.js'

test.each(LOSS_MISUSES)('loss: $what', ({ create, ...misuse }) => {
  expectMisuse(caught(create), misuse)
})

test.each([
  { policy: { lo: 0 }, says: ['lo', '0'] },
  { policy: { lo: Number.NaN }, says: ['lo', 'NaN'] },
  { policy: { sweepRows: -1 }, says: ['sweepRows', '-1'] },
])('policy $policy', ({ policy, says }) => {
  const misuse: Misuse = { what: '', type: 'RangeError', code: 'WIDEHEAD_OUT_OF_RANGE', says }
  const options: ExactHeadOptions = { numClasses, hiddenSize, loss: squaredError() }
  expectMisuse(
    caught(() => new ExactHead({ ...options, policy })),
    misuse,
  )
  const head = new ExactHead(options)
  const before = head.policy
  expectMisuse(
    caught(() => Object.assign(head, { policy })),
    misuse,
  )
  expect(head.policy).toEqual(before)
})

test.each([0, -1, 1.5, Number.NaN, 100_000])('setThreads(%d)', (count) => {
  const before = threads()
  const misuse: Misuse = { what: '', type: 'RangeError', code: 'WIDEHEAD_OUT_OF_RANGE', says: ['count', `${count}`] }
  expectMisuse(
    caught(() => setThreads(count)),
    misuse,
  )
  expect(threads()).toBe(before)
})
