#!/usr/bin/env node
// The program `widehead`.

import { fileError } from '../data/source.js'
import { describe, EXIT } from './exit.js'
import { run } from './program.js'

// `| head` closes stdout early: nobody wants the rest, and that is no failure. A disk that is full is one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok)
  process.stderr.write(`${describe(fileError('cannot write to standard output', error))}\n`)
  process.exit(EXIT.file)
})

// Nobody reads how far a run is, or its terminal is gone: that is no reason to lose what it has trained.
process.stderr.on('error', () => {})

process.exitCode = await run(process.argv.slice(2), process)
