// What every head promises (lib/heads/types.ts). A head's own test file is two lines: an import and headSuite(name, create).

import { afterAll, describe } from 'vitest'
import { type Head, type HeadOptions, setThreads, threads } from '../../lib/index.js'
import { asyncSuite } from './async-suite.js'
import { initSuite } from './init-suite.js'
import { passSuite } from './pass-suite.js'
import { readingSuite } from './reading-suite.js'
import { trainingSuite } from './training-suite.js'

export type CreateHead = (options: HeadOptions) => Head

export function headSuite(name: string, create: CreateHead): void {
  const before = threads()
  afterAll(() => setThreads(before))
  describe(name, () => {
    describe('training', () => trainingSuite(create))
    describe('forward, apply, evaluate', () => passSuite(create))
    describe('logits, topK, rows', () => readingSuite(create))
    describe('starting weights and repeated runs', () => initSuite(create))
    describe('asynchronous steps', () => asyncSuite(create))
  })
}
