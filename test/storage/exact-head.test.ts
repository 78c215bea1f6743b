import { test } from 'vitest'
import { ExactHead } from '../../lib/index.js'
import { headSuite } from '../suites/head-suite.js'
import { freshFiles } from './helpers.js'

const fresh = freshFiles()

if (process.platform === 'win32') test.skip('rows in a file are for other systems than Windows', () => {})
else headSuite('ExactHead in a file', (options) => new ExactHead(options && { ...options, storage: fresh() }))
