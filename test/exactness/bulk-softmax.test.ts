// The bulk softmax against float64 over 200 steps, as the losses of the exact head are.

import { describe, test } from 'vitest'
import { expectExactAfter } from '../judge/compare.js'
import { bulkCase } from '../judge/losses.js'
import { TARGET_KINDS } from '../judge/stream.js'

const [numClasses, hiddenSize] = process.env.WIDEHEAD_TEST_LONG === '1' ? [3000, 64] : [1000, 32]
const STEPS = 200

/** Frequent classes, in no order, and some rare ones. */
const shortlist = Int32Array.from({ length: 50 }, (_, i) => (i < 40 ? (7 * i) % 40 : numClasses - 3 * i))

describe.each(TARGET_KINDS)('bulk softmax, %s', (targets) => {
  describe.each([false, true])('bias %s', (bias) => {
    test.each([1, 7, 64, hiddenSize, 3 * hiddenSize])('%i examples', (batchSize) => {
      const stream = { numClasses, hiddenSize, batchSize, seed: 100 + batchSize, targets }
      expectExactAfter(STEPS, { group: 'grid', lossCase: bulkCase(shortlist), stream, bias, shortlist })
    })
  })
})

test.each([0, 1, 999, 1000])('%i of 1000 classes in the shortlist', (count) => {
  const every = Int32Array.from({ length: count }, (_, i) => 999 - i)
  const stream = { numClasses: 1000, hiddenSize: 24, batchSize: 20, seed: 7, targets: 'weights' as const }
  expectExactAfter(100, { group: 'shortlists', lossCase: bulkCase(every), stream, bias: true, shortlist: every })
})

test.each([5, 60])('all examples see the targets of %i examples', (batchSize) => {
  const stream = { numClasses: 500, hiddenSize: 24, batchSize, seed: 8, targets: 'weights' as const }
  const lossCase = bulkCase(shortlist.filter((id) => id < 500))
  const own = { shortlist: shortlist.filter((id) => id < 500), minibatchTargets: true }
  expectExactAfter(100, { group: 'minibatch', lossCase, stream, bias: true, ...own })
})
