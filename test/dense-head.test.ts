import { DenseHead } from '../lib/index.js'
import { headSuite } from './suites/head-suite.js'

headSuite('DenseHead', (options) => new DenseHead(options))
