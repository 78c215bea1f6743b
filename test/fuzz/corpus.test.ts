// Every input of the kept corpus, and of the seeds, keeps the contract of its parser. `npm run fuzz` looks for more.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../data/helpers.js'
import { literal, readCorpus } from './corpus.js'
import { TARGETS } from './targets/index.js'

const root = temporaryFolder()

describe.each(TARGETS)('$name', ({ name, seeds, check }) => {
  const folder = join(root, name)
  mkdirSync(folder)

  test('the kept corpus', async () => {
    const inputs = [...seeds.map((seed) => Buffer.from(seed, 'latin1')), ...readCorpus(name)]
    expect(inputs.length).toBeGreaterThan(seeds.length)
    for (const input of inputs) {
      await check(input, folder).catch((error) => {
        throw new Error(`${name}, input ${literal(input)}`, { cause: error })
      })
    }
  })
})
