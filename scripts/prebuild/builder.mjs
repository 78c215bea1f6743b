#!/usr/bin/env node
// What prebuildify calls in place of node-gyp: cmake-js builds the addon into build/Release of the folder it is called in.
// prebuildify's own arguments mean something else to cmake-js; the target's come in WIDEHEAD_CMAKE_ARGS.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const arch = process.argv.find((argument) => argument.startsWith('--arch='))?.slice('--arch='.length) ?? process.arch
const cmakeJs = fileURLToPath(new URL('../../node_modules/cmake-js/bin/cmake-js', import.meta.url))
const own = JSON.parse(process.env.WIDEHEAD_CMAKE_ARGS ?? '[]')
const args = [
  'compile',
  '--directory',
  root,
  '--out',
  `${process.cwd()}/build`,
  '--arch',
  arch,
  '--CDWIDEHEAD_PORTABLE=ON',
  ...own,
]
const { status, error } = spawnSync(process.execPath, [cmakeJs, ...args], { stdio: 'inherit' })
if (error) console.error(error.message)
process.exit(status ?? 1)
