import { HIERARCHICAL_SOFTMAX } from '../lib/heads/hierarchical-softmax.js'
import { HierarchicalSoftmaxHead } from '../lib/index.js'
import { SOFTMAX_CASE } from './judge/losses.js'
import { headSuite } from './suites/head-suite.js'
import { ownLoss, withoutLoss } from './suites/plan.js'

const hierarchical = { ...SOFTMAX_CASE, name: 'hierarchical softmax', loss: HIERARCHICAL_SOFTMAX }

headSuite(
  'HierarchicalSoftmaxHead',
  (options) => new HierarchicalSoftmaxHead({ ...withoutLoss(options), counts: zipf(options.numClasses) }),
  ownLoss(hierarchical, { otherModel: true }),
)

function zipf(numClasses: number): Float64Array {
  return Float64Array.from({ length: numClasses }, (_, c) => 1 / (1 + c))
}
