// A setting in the environment that cannot be honoured: the same words whatever the command.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../data/helpers.js'
import { CORPORA, finished, start, widehead } from './helpers.js'

const folder = temporaryFolder()
const data = join(folder, 'sequences')
const model = join(folder, 'model')
writeFileSync(data, CORPORA.sequences)

it.each([
  ['WIDEHEAD_THREADS', '0', 'WIDEHEAD_THREADS must be a whole number from 1 to 1024, got "0"', 1],
  ['WIDEHEAD_ISA', 'foo', 'WIDEHEAD_ISA', 2],
])('%s=%s', async (name, value, message, expected) => {
  const train = ['train', '--train', data, '--hidden', 'none', '--embedding', '4', '--epochs', '1', '--overwrite']
  expect((await widehead([...train, '--out', model])).code).toBe(0)
  const told = new Set<string>()
  for (const args of [
    [...train, '--head', 'wta', '--out', model],
    ['evaluate', '--model', model, '--data', data],
  ]) {
    const { code, stderr } = await finished(start(args, { [name]: value }))
    expect([code, stderr]).toEqual([expected, expect.stringContaining(`widehead: ${message}`)])
    told.add(stderr.trim().split('\n').at(-1) as string)
  }
  expect(told.size).toBe(1)
})
