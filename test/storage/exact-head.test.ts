import { ExactHead } from '../../lib/index.js'
import { headSuite } from '../suites/head-suite.js'
import { freshFiles } from './helpers.js'

const fresh = freshFiles()

headSuite('ExactHead in a file', (options) => new ExactHead(options && { ...options, storage: fresh() }))
