// Two copies of the package in one process: each has its addon, its classes and its threads.

import { expect, test } from 'vitest'
import { runForJson } from '../child/run.js'

test('two copies train side by side as one alone does', async () => {
  expect(await runForJson('./two-copies.ts')).toEqual({
    loadedTwice: true,
    asOne: true,
    threadsApart: true,
    aliveAfterTheOther: true,
  })
})
