import { ExactHead } from '../lib/index.js'
import { headSuite } from './suites/head-suite.js'

headSuite('ExactHead', (options) => new ExactHead(options))
