// Rows of W that are late: V keeps them as they were, and all that happened since must reach them when they are read.

import { describe, expect, test } from 'vitest'
import { Race, range, weightError } from '../judge/compare.js'
import { asSparse } from '../judge/float64-head.js'
import { lossCase } from '../judge/losses.js'
import { Random } from '../judge/random.js'
import { type Batch, Stream } from '../judge/stream.js'

const [numClasses, hiddenSize, batchSize] = [600, 24, 8]
const LATE = 400 // touched once, at step 10,000
const STEPS = 10_200

/** Class 0 at every step, classes below 400 by Zipf's law, class 400 once, those above never. */
function batchAt(step: number, stream: Stream): Batch {
  const batch = stream.next()
  const { indices } = asSparse(batch.targets, batchSize)
  indices[0] = 0
  if (step === 10_000) indices[1] = LATE
  return { hidden: batch.hidden, targets: indices }
}

// At this share of 0.01 the strongest direction of an untouched row is gone after 10,000 steps and the weak ones are not.
describe.each([
  { name: 'squared error', pace: 0.005 },
  { name: 'Taylor softmax', pace: 0.5 },
])('$name', ({ name, pace }) => {
  test('never touched, touched once after 10,000 steps, touched at every step', () => {
    const stream = new Stream({ numClasses, hiddenSize, batchSize, seed: 11, classes: LATE })
    const trial = { group: 'rows', lossCase: { ...lossCase(name), pace }, stream: stream.options }
    const race = new Race(trial, (step) => batchAt(step, stream))
    const groups = {
      'at every step': range(0, 1),
      'now and then': range(1, LATE),
      once: range(LATE, LATE + 1),
      never: range(LATE + 1, numClasses),
    }
    race.run(STEPS)
    for (const [group, classes] of Object.entries(groups)) {
      const exact = weightError(race.exact, race.judge, classes)
      const dense = weightError(race.dense, race.judge, classes)
      expect(exact, `${name}, rows touched ${group}: exact ${exact}, dense ${dense}`).toBeLessThanOrEqual(
        Math.max(3 * dense, 1e-6),
      )
    }
    race.close()
  })
})

test('rows read in any order and number, while the run goes on', () => {
  const stream = { numClasses, hiddenSize, batchSize, seed: 12 }
  const race = new Race({ group: 'rows read', lossCase: lossCase('squared error'), stream })
  const random = new Random(13)
  for (let round = 0; round < 30; round++) {
    race.run(20)
    const classes = Int32Array.from({ length: 20 + random.below(50) }, () => random.below(numClasses)) // also twice
    const exact = weightError(race.exact, race.judge, classes)
    const dense = weightError(race.dense, race.judge, classes)
    expect(exact, `round ${round}: exact ${exact}, dense ${dense}`).toBeLessThanOrEqual(Math.max(3 * dense, 5e-7))
  }
  race.close()
})
