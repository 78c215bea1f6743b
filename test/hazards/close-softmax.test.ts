// close() while asynchronous steps of the softmax heads are on their way, whose steps sample, hash and rehash.

import { describe, expect, test } from 'vitest'
import {
  type Head,
  type HeadOptions,
  HierarchicalSoftmaxHead,
  LshSampledSoftmaxHead,
  SampledSoftmaxHead,
  SoftmaxHead,
  WtaSoftmaxHead,
} from '../../lib/index.js'
import { batches, size, smallHead } from '../suites/helpers.js'
import { withoutLoss } from '../suites/plan.js'

const rate = { learningRate: 0.03 }
const closed = expect.objectContaining({ name: 'WideheadError', code: 'WIDEHEAD_CLOSED' })
const counts = new Float64Array(size.numClasses).fill(1)

const HEADS: { name: string; create: (options: HeadOptions) => Head }[] = [
  { name: 'SoftmaxHead', create: (options) => new SoftmaxHead(withoutLoss(options)) },
  { name: 'SampledSoftmaxHead', create: (options) => new SampledSoftmaxHead({ ...withoutLoss(options), samples: 20 }) },
  {
    name: 'HierarchicalSoftmaxHead',
    create: (options) => new HierarchicalSoftmaxHead({ ...withoutLoss(options), counts }),
  },
  { name: 'WtaSoftmaxHead', create: (options) => new WtaSoftmaxHead({ ...withoutLoss(options), rehashEvery: 2 }) },
  {
    name: 'LshSampledSoftmaxHead',
    create: (options) => new LshSampledSoftmaxHead({ ...withoutLoss(options), samples: 20, rehashEvery: 2 }),
  },
]

describe.each(HEADS)('$name', ({ create }) => {
  test('steps on their way end as if nothing had happened', async () => {
    const [head, plain] = [smallHead(create), smallHead(create)]
    const examples = batches(6, { batchSize: 40 })
    const promises = examples.map(({ hidden, targets }) => head.stepAsync(hidden, targets, rate))
    head.close()
    expect(head.closed).toBe(true)
    expect(() => head.topK(examples[0].hidden, 3)).toThrow(closed)
    await expect(head.stepAsync(examples[0].hidden, examples[0].targets, rate)).rejects.toThrow(closed)
    const results = await Promise.all(promises)
    expect(results).toEqual(examples.map(({ hidden, targets }) => plain.step(hidden, targets, rate)))
  })

  test('closed between two steps, many times over', async () => {
    for (let round = 0; round < 50; round++) {
      const head = smallHead(create)
      const [one, two] = batches(2, { seed: round })
      const first = head.stepAsync(one.hidden, one.targets, rate)
      const second = head.stepAsync(two.hidden, two.targets, rate)
      await first
      head.close()
      expect((await second).loss).toBeGreaterThan(0)
    }
  })
})
