// close() while asynchronous steps of the softmax heads are on their way, whose steps sample, hash and rehash.

import { describe, test } from 'vitest'
import {
  type Head,
  type HeadOptions,
  HierarchicalSoftmaxHead,
  LshSampledSoftmaxHead,
  SampledSoftmaxHead,
  SoftmaxHead,
  WtaSoftmaxHead,
} from '../../lib/index.js'
import { size } from '../suites/helpers.js'
import { withoutLoss } from '../suites/plan.js'
import { expectSecondStepEnds, expectStepsEnd } from './closing.js'

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
  test('steps on their way end as if nothing had happened', () => expectStepsEnd(create))

  test('closed between two steps, many times over', () => expectSecondStepEnds(create, 50))
})
