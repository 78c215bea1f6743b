// Memory comes back: of heads that are closed, and of heads that are forgotten.

import { expect, test } from 'vitest'
import { runForJson } from '../child/run.js'

test('10,000 heads created, used and closed take no more memory than 200', async () => {
  const { growth } = await runForJson<{ growth: number }>('./growth.ts')
  expect(growth).toBeLessThan(60) // MiB; all of them together are 600
})

test('heads and passes nobody closes are collected', async () => {
  const report = await runForJson<Record<string, number>>('./garbage.ts', {}, ['--expose-gc'])
  // 60 heads of 8 MB are 480 MB; ten of them wait for the next collection.
  expect(report.exact).toBeLessThan(200)
  expect(report.dense).toBeLessThan(200)
  expect(report.passes).toBeLessThan(200)
  expect(report.pending).toBeLessThan(200)
})

test('softmax heads and trunks nobody closes are collected', async () => {
  const report = await runForJson<Record<string, number>>('./forgotten.ts', {}, ['--expose-gc'])
  // Sixty of 8 MB are 480 MB.
  for (const [name, growth] of Object.entries(report)) expect(growth, name).toBeLessThan(200)
  expect(Object.keys(report)).toHaveLength(6)
})

test('passes that are forgotten make room though the event loop never turns', async () => {
  const { growth, gradNorm, expected } = await runForJson<Record<string, number>>('./forward-loop.ts')
  expect(growth).toBeLessThan(700) // MiB; all of them together are 1,900
  expect(gradNorm).toBe(expected)
})
