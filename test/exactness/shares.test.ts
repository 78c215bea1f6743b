// The share s = 2 eta lambda_max(H diag(gq) H^T) of its strongest direction that one step removes: the published algorithm
// divides by zero at s = 1 and overshoots above it, where plain SGD is stable up to s = 2.

import { describe, test } from 'vitest'
import type { ApplyOptions } from '../../lib/index.js'
import { weightedSquaredError } from '../../lib/index.js'
import { expectExactAfter, meanEigenvalue, type Trial } from '../judge/compare.js'
import { denseWeightedSquaredError } from '../judge/dense-losses.js'
import { type LossCase, lossCase } from '../judge/losses.js'
import { Random } from '../judge/random.js'
import type { Batch } from '../judge/stream.js'

const SHARES = [0.05, 0.3, 0.7, 1, 1.5]
const table = { numClasses: 3000, hiddenSize: 64, batchSize: 64 }
const small = { numClasses: 1000, hiddenSize: 32 }
const squared = lossCase('squared error')
// gq is negativeWeight / m; targets count for less than the others here, so that all is stable wherever the others are.
const weighted: LossCase = {
  ...lossCase('weighted squared error'),
  loss: weightedSquaredError({ negativeWeight: 1, positiveWeight: 0.6 }),
  dense: denseWeightedSquaredError(1, 0.6),
}

/** The learning rate at which this very minibatch has the share, gq being 1 / m. */
function ofShare(share: (step: number) => number, hiddenSize: number, bias: boolean) {
  return (batch: Batch, step: number): ApplyOptions => ({
    learningRate: share(step) / (2 * meanEigenvalue(batch.hidden, hiddenSize, bias)),
  })
}

function trial(share: (step: number) => number, rest: Omit<Trial, 'options'>): Trial {
  return { ...rest, options: ofShare(share, rest.stream.hiddenSize, rest.bias ?? false) }
}

describe.each(SHARES)('share %f', (share) => {
  test('squared error, 64 examples', () => {
    const stream = { ...table, seed: 1 }
    expectExactAfter(
      200,
      trial(() => share, { group: `share ${share}`, lossCase: squared, stream }),
    )
  })

  test('weighted squared error with biases and several targets, 64 examples', () => {
    const stream = { ...table, seed: 2, targets: 'weights' as const }
    expectExactAfter(
      200,
      trial(() => share, { group: `share ${share}`, lossCase: weighted, stream, bias: true }),
    )
  })

  test.each([1, 7, 96])('squared error from zeros, duplicates, %i examples', (batchSize) => {
    const stream = { ...small, batchSize, seed: 3, targets: 'duplicates' as const }
    const rest = { group: `share ${share} small`, lossCase: squared, stream, start: 0 }
    expectExactAfter(
      400,
      trial(() => share, rest),
    )
  })

  test('hidden vectors without a mean: every direction shrinks alike', () => {
    const stream = { ...small, batchSize: 96, seed: 4, features: 'normal' as const }
    expectExactAfter(
      200,
      trial(() => share, { group: `share ${share} no mean`, lossCase: squared, stream }),
    )
  })
})

test('a share drawn anew at each step, exactly 1 now and then', () => {
  const random = new Random(5)
  const shares = [...SHARES, 1, 0.999999, 1.000001]
  const stream = { ...small, batchSize: 16, seed: 5 }
  const share = () => shares[random.below(shares.length)]
  expectExactAfter(600, trial(share, { group: 'share mixed', lossCase: squared, stream, bias: true }))
})

test('one learning rate for all minibatches, its share near 1', () => {
  const stream = { ...small, batchSize: 32, seed: 6 }
  let learningRate = 0
  const options = (batch: Batch): ApplyOptions => {
    learningRate ||= 0.95 / (2 * meanEigenvalue(batch.hidden, small.hiddenSize))
    return { learningRate }
  }
  expectExactAfter(600, { group: 'share about 0.95', lossCase: squared, stream, options })
})
