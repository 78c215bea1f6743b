// Worker threads and processes that end while asynchronous steps are on their way.

import { expect, test } from 'vitest'
import { runChild, runForJson } from '../child/run.js'

interface WorkersReport {
  together: number[]
  alone: number[]
  terminated: number
  loss: number
}

test('worker threads have heads of their own, and may be terminated in the middle of a step', async () => {
  const { together, alone, terminated, loss } = await runForJson<WorkersReport>('./workers.ts')
  expect(together).toEqual([...alone, ...alone])
  expect(terminated).toBe(24)
  expect(loss).toBeGreaterThan(0)
})

test('the memory of workers that were terminated in the middle of a step comes back', async () => {
  const { growth } = await runForJson<{ growth: number }>('./terminated.ts')
  expect(growth).toBeLessThan(250) // MiB; the heads of all of them together are 780
})

test.each(['exit', 'later'])('a process may leave at any time: %s', async (how) => {
  for (let round = 0; round < 5; round++) {
    expect(await runChild('./leave.ts', { LEAVE: how })).toMatchObject({ code: 0, signal: null, stderr: '' })
  }
})

test('an uncaught error ends the process as it should', async () => {
  const { code, signal, stderr } = await runChild('./leave.ts', { LEAVE: 'throw' })
  expect({ code, signal }).toEqual({ code: 1, signal: null })
  expect(stderr).toContain('on purpose')
})

test('a process waits for the steps it has started', async () => {
  expect(await runChild('./leave.ts')).toMatchObject({ code: 0, signal: null, stdout: '20 done', stderr: '' })
})
