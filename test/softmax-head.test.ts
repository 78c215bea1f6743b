import { SoftmaxHead } from '../lib/index.js'
import { headSuite } from './suites/head-suite.js'
import { ownLoss, withoutLoss } from './suites/plan.js'

headSuite('SoftmaxHead', (options) => new SoftmaxHead(withoutLoss(options)), ownLoss())
