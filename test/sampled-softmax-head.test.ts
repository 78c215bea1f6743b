import { SampledSoftmaxHead } from '../lib/index.js'
import { SOFTMAX_CASE } from './judge/losses.js'
import { headSuite } from './suites/head-suite.js'
import { ownLoss, withoutLoss } from './suites/plan.js'

headSuite(
  'SampledSoftmaxHead, 25 samples',
  (options) => new SampledSoftmaxHead({ ...withoutLoss(options), samples: 25, sampler: 'unigram' }),
  ownLoss(SOFTMAX_CASE, { estimates: true }),
)
