// Every kind of targets, with and without biases, minibatches from one example to three times as many as features.

import { describe, test } from 'vitest'
import { expectExactAfter } from '../judge/compare.js'
import { lossCase } from '../judge/losses.js'
import { TARGET_KINDS } from '../judge/stream.js'

const [numClasses, hiddenSize] = process.env.WIDEHEAD_TEST_LONG === '1' ? [3000, 64] : [1000, 32]
const STEPS = 200

export function exactnessOf(name: string): void {
  describe.each(TARGET_KINDS)(`${name}, %s`, (targets) => {
    describe.each([false, true])('bias %s', (bias) => {
      test.each([1, 7, 64, hiddenSize, 3 * hiddenSize])('%i examples', (batchSize) => {
        const stream = { numClasses, hiddenSize, batchSize, seed: 100 + batchSize, targets }
        expectExactAfter(STEPS, { group: 'grid', lossCase: lossCase(name), stream, bias })
      })
    })
  })
}
