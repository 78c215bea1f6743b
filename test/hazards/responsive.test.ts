// The event loop goes on while stepAsync computes. A step that computed on the main thread would let it turn once or twice.

import { expect, test } from 'vitest'
import { runForJson } from '../child/run.js'

interface Report {
  steps: number
  fewestTurns: number
  turns: number
  timers: number
}

test.each(['exact', 'sampled'])('timers and other callbacks run while a step does, %s', async (head) => {
  const { [head]: report } = await runForJson<Record<string, Report>>('./responsive.ts')
  expect(report.steps).toBe(12)
  expect(report.fewestTurns).toBeGreaterThan(5)
  expect(report.turns).toBeGreaterThan(20 * report.steps)
  expect(report.timers).toBeGreaterThan(report.steps)
})
