// A head whose rows are a file, beside the judge, and beside the same head in memory: not a bit is another, saved now and then or not.

import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../data/helpers.js'
import { expectExact, Race, range } from '../judge/compare.js'
import { LOSS_CASES } from '../judge/losses.js'
import { freshFiles } from './helpers.js'

const fresh = freshFiles()
const folder = temporaryFolder()
const [numClasses, hiddenSize] = [1000, 32]
const STEPS = 200

describe.each(LOSS_CASES)('$name', (lossCase) => {
  describe.each([false, true])('bias %s', (bias) => {
    test.each([1, 7, 96])('%i examples', async (batchSize) => {
      const stream = { numClasses, hiddenSize, batchSize, seed: 100 + batchSize, targets: 'weights' as const }
      const trial = { group: 'in a file', lossCase, stream, bias }
      const [memory, file] = [new Race(trial), new Race({ ...trial, storage: fresh() })]
      try {
        expectExact(file, file.run(STEPS))
        memory.run(STEPS)
        const bits = ({ exact }: Race) => [exact.rows(range(0, numClasses)), exact.biases(range(0, numClasses))]
        expect(bits(file)).toEqual(bits(memory))
        // And with a journal, saves under way, and a file that was left and opened again.
        const saving = file.exact.save(`${folder}/${lossCase.name}${bias}${batchSize}`)
        file.run(20)
        memory.run(20)
        await saving
        expect(bits(file)).toEqual(bits(memory))
      } finally {
        memory.close()
        file.close()
      }
    })
  })
})
