// The training that test/child/row-file-loop.ts is killed in, and that the test of it makes again in memory.

import type { ExactHeadOptions } from '../../lib/index.js'
import { taylorSoftmax } from '../../lib/index.js'
import { type Batch, Stream } from '../judge/stream.js'

const size = { numClasses: 20_000, hiddenSize: 24 }

export const loopOptions = {
  ...size,
  bias: true,
  init: { kind: 'normal', scale: 0.1 },
  loss: taylorSoftmax(),
  policy: { lo: 0.6, lookEvery: 3 },
} satisfies ExactHeadOptions
export const LOOP_RATE = 2

export function loopBatch(step: number): Batch {
  return new Stream({ ...size, batchSize: 32, seed: 1000 + step, targets: 'weights' }).next()
}
