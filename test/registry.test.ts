// The losses of TypeScript and of the core are two lists: a line forgotten in one of them fails here.

import { expect, test } from 'vitest'
import { createLoss, LOSSES } from '../lib/losses.js'
import { native } from '../lib/native.js'

test('every loss of the core can be made from TypeScript, with the same parameters, and the other way round', () => {
  const core = native.losses()
  expect(Object.keys(core).sort()).toEqual(Object.keys(LOSSES).sort())
  for (const [name, parameters] of Object.entries(core)) {
    const values = Object.fromEntries(parameters.map((parameter) => [parameter, 1]))
    expect(Object.keys(createLoss(name, values).parameters).sort()).toEqual([...parameters].sort())
  }
})

test('an unknown loss is refused with the names there are', () => {
  expect(() => createLoss('softmax')).toThrow(/squared-error.*z-loss.*"softmax"/)
})
