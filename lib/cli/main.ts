#!/usr/bin/env node
// The program `widehead`.

import { run } from './program.js'

// `| head` closes stdout early: nobody wants the rest, and that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

process.exitCode = await run(process.argv.slice(2), process)
