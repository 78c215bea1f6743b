// Weight decay and clipping: scalars beside U, which must not run out of range or be forgotten in Q, wbar and omega.

import { describe, expect, test } from 'vitest'
import type { ApplyOptions } from '../../lib/index.js'
import { calmRate, expectExact, expectExactAfter, Race, type Trial } from '../judge/compare.js'
import { lossCase } from '../judge/losses.js'
import type { Batch } from '../judge/stream.js'

const stream = { numClasses: 1000, hiddenSize: 32, batchSize: 8, seed: 31 }

/** The calm learning rate with a decay of `factor` a step. */
function decaying(trial: Trial, factor: (step: number) => number): (batch: Batch, step: number) => ApplyOptions {
  const rate = calmRate(trial)
  return (batch, step) => {
    const { learningRate } = rate(batch)
    return { learningRate, weightDecay: factor(step) / learningRate }
  }
}

describe.each(['squared error', 'Taylor softmax', 'Z-loss'])('%s', (name) => {
  const trial: Trial = { group: 'decay', lossCase: lossCase(name), stream, bias: true }

  test('learningRate * weightDecay = 0.01 for 5,000 steps', () => {
    const race = new Race({ ...trial, options: decaying(trial, () => 0.01) })
    for (let quarter = 0; quarter < 4; quarter++) expectExact(race, race.run(1250))
    race.close()
  })

  test('strong decay, and none in between', () => {
    expectExactAfter(300, { ...trial, options: decaying(trial, (step) => (step % 3 === 0 ? 0.3 : 0)) })
  })

  test('clipping to a fifth of the norm, and to more than there is', () => {
    const rate = calmRate(trial)
    let clip = 0
    const race = new Race({
      ...trial,
      group: 'clip',
      options: (batch, step) => ({ ...rate(batch), clipNorm: step % 4 === 3 ? 1e6 : clip }),
    })
    clip = race.judge.gradients(new Float32Array(64).fill(0.7), Int32Array.of(1, 2)).result.gradNorm / 5
    expectExact(race, race.run(200))
    race.close()
  })

  test('clipping and decay in one step', () => {
    const options = (batch: Batch, step: number) => ({ ...decaying(trial, () => 0.02)(batch, step), clipNorm: 0.1 })
    expectExactAfter(200, { ...trial, group: 'clip and decay', options })
  })
})

test('5,000 steps of nothing but decay, then training again', () => {
  // Examples without targets have no gradient under Taylor softmax: W becomes 0.99^5000 W = 1.5e-22 W.
  const lossOf = { ...lossCase('Taylor softmax'), start: 1 }
  const idle = (step: number) => step < 5000
  const none = {
    hidden: new Float32Array(8 * 32).fill(0.1),
    targets: { indptr: new Int32Array(9), indices: new Int32Array(0) },
  }
  const some = { ...none, targets: Int32Array.from({ length: 8 }, (_, j) => 3 * j) }
  const options = (_: Batch, step: number) => ({ learningRate: 0.5, weightDecay: idle(step) ? 0.02 : 0 })
  const race = new Race({ group: 'only decay', lossCase: lossOf, stream, options }, (step) =>
    idle(step) ? none : some,
  )
  expectExact(race, race.run(2500))
  expectExact(race, race.run(2500))
  expectExact(race, race.run(100))
  race.close()
})

test('learningRate * weightDecay just below 1: W all but goes', () => {
  const trial: Trial = { group: 'decay of all', lossCase: lossCase('squared error'), stream, bias: true }
  const options = decaying(trial, (step) => (step % 10 === 9 ? 1 - 2 ** -20 : 0.001))
  expectExactAfter(100, { ...trial, options })
})

test('gradNorm is that of the gradient before it is clipped', () => {
  const race = new Race({ group: 'clip', lossCase: lossCase('squared error'), stream })
  const [hidden, targets] = [new Float32Array(64).fill(0.5), Int32Array.of(3, 3)]
  const { gradNorm } = race.judge.gradients(hidden, targets).result
  for (const head of [race.exact, race.dense]) {
    expect(head.step(hidden, targets, { learningRate: 0.1, clipNorm: 1e-3 }).gradNorm / gradNorm).toBeCloseTo(1, 5)
  }
  race.close()
})
