// Nothing grows: the error after 20,000 steps is held to the same bound as after 5,000.

import { test } from 'vitest'
import { expectExact, Race } from '../judge/compare.js'
import { type LossCase, lossCase } from '../judge/losses.js'

const long = process.env.WIDEHEAD_TEST_LONG === '1'
const size = long
  ? { numClasses: 3000, hiddenSize: 64, batchSize: 32 }
  : { numClasses: 1000, hiddenSize: 32, batchSize: 16 }

export function twentyThousandSteps(name: string, changes: Partial<LossCase> = {}): void {
  test(`${name}: 20,000 steps, strong mean, Zipf targets`, () => {
    const race = new Race({
      group: 'long',
      lossCase: { ...lossCase(name), ...changes },
      stream: { ...size, seed: 51 },
    })
    for (let quarter = 0; quarter < 4; quarter++) expectExact(race, race.run(5000))
    race.close()
  })
}
