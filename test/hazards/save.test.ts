// Threads and processes that end while a head is saved: the checkpoint before stays, and nothing is left behind for good.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ExactHead, readCheckpoint, squaredError } from '../../lib/index.js'
import { runChild, runForJson } from '../child/run.js'
import { temporaryFolder } from '../data/helpers.js'

const root = temporaryFolder()
const unfinished = (folder: string) => readdirSync(folder).filter((name) => name.startsWith('.'))

test('a worker is terminated: its writers end with it', async () => {
  const folder = join(root, 'terminated')
  const report = await runForJson('./terminated-saving.ts', {}, [], [folder])
  expect(report).toEqual({ children: 0, before: 0, after: 1 })
  await expectRemoved(folder)
})

/** Whoever saves there once the process is gone removes what was not finished. */
async function expectRemoved(folder: string): Promise<void> {
  const head = new ExactHead({ numClasses: 10, hiddenSize: 4, loss: squaredError() })
  await head.save(folder)
  expect(unfinished(folder)).toEqual([])
}

test.each(['exit', 'throw'])('a process leaves: %s', async (how) => {
  const folder = join(root, how)
  const { code, signal } = await runChild('./leave-saving.ts', { LEAVE: how }, [], [folder])
  expect({ code, signal }).toEqual({ code: how === 'exit' ? 0 : 1, signal: null })
  expect((await readCheckpoint(folder)).step).toBe(0)
  expect(unfinished(folder)).toHaveLength(1)
  await expectRemoved(folder)
})

test('a process waits for what it saves', async () => {
  const folder = join(root, 'waits')
  expect(await runChild('./leave-saving.ts', {}, [], [folder])).toMatchObject({ code: 0, signal: null, stderr: '' })
  expect((await readCheckpoint(folder)).step).toBe(1)
  expect(unfinished(folder)).toEqual([])
})
