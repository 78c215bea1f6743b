// What every head promises (lib/heads/types.ts). A head's own test file is two lines: an import and headSuite(name, create); one
// with a loss of its own passes a plan.

import { afterAll, describe } from 'vitest'
import { type Head, type HeadOptions, setThreads, threads } from '../../lib/index.js'
import { asyncSuite } from './async-suite.js'
import { initSuite } from './init-suite.js'
import { passSuite } from './pass-suite.js'
import { type Plan, SPHERICAL } from './plan.js'
import { readingSuite } from './reading-suite.js'
import { trainingSuite } from './training-suite.js'

export type CreateHead = (options: HeadOptions) => Head

export function headSuite(name: string, create: CreateHead, plan: Plan = SPHERICAL): void {
  const before = threads()
  afterAll(() => setThreads(before))
  describe(name, () => {
    describe('training', () => trainingSuite(create, plan))
    describe('forward, apply, evaluate', () => passSuite(create, plan))
    describe('logits, topK, rows', () => readingSuite(create, plan))
    describe('starting weights and repeated runs', () => initSuite(create, plan))
    describe('asynchronous steps', () => asyncSuite(create, plan))
  })
}
