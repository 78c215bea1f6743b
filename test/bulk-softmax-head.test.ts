import { BulkSoftmaxHead } from '../lib/index.js'
import { bulkCase } from './judge/losses.js'
import { headSuite } from './suites/head-suite.js'
import { ownLoss, withoutLoss } from './suites/plan.js'

const shortlist = Int32Array.of(3, 149, 0, 17, 80, 4)
const fits = (numClasses: number) => shortlist.filter((id) => id < numClasses)

headSuite(
  'BulkSoftmaxHead',
  (options) =>
    new BulkSoftmaxHead({
      ...withoutLoss(options),
      shortlist: fits(options?.numClasses),
      minibatchTargets: false,
      sampled: 0,
    }),
  ownLoss(bulkCase(shortlist)),
)
