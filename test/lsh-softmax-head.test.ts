import { LshSampledSoftmaxHead } from '../lib/index.js'
import { headSuite } from './suites/head-suite.js'
import { ownLoss, withoutLoss } from './suites/plan.js'

// With all classes as negatives it is SoftmaxHead.
headSuite(
  'LshSampledSoftmaxHead with every class a negative',
  (options) => new LshSampledSoftmaxHead({ ...withoutLoss(options), samples: Math.max(2, options.numClasses) }),
  ownLoss(),
)
headSuite(
  'LshSampledSoftmaxHead',
  (options) => new LshSampledSoftmaxHead({ ...withoutLoss(options), samples: 40, rehashEvery: 3, correction: true }),
  ownLoss(undefined, { estimates: true }),
)
