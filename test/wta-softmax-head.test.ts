import { WtaSoftmaxHead } from '../lib/index.js'
import { headSuite } from './suites/head-suite.js'
import { ownLoss, withoutLoss } from './suites/plan.js'

// With all classes as candidates it is SoftmaxHead.
headSuite(
  'WtaSoftmaxHead with every class a candidate',
  (options) => new WtaSoftmaxHead({ ...withoutLoss(options), candidates: options.numClasses }),
  ownLoss(),
)
headSuite(
  'WtaSoftmaxHead',
  (options) => new WtaSoftmaxHead({ ...withoutLoss(options), candidates: 10, unionLimit: 40, rehashEvery: 3 }),
  ownLoss(undefined, { estimates: true }),
)
