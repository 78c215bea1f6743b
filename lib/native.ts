// The only place that loads the addon.

import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { NativeBinding } from './binding.js'
import { WideheadError } from './errors.js'

const require = createRequire(import.meta.url)
// lib/ (tests, source) and dist/ (installed) both lie one folder below the package's root.
const root = fileURLToPath(new URL('..', import.meta.url))

function load(): NativeBinding {
  try {
    return (require('node-gyp-build') as (directory: string) => NativeBinding)(root)
  } catch (error) {
    const what = `no binary of widehead that this system can load (${process.platform} ${process.arch}, Node ${process.versions.node})`
    const how =
      'build one from source: npm explore widehead -- npm run build:source (needs Python 3, make and a C++17 compiler)'
    throw new WideheadError('WIDEHEAD_NO_BINARY', `${what}; ${how}. ${(error as Error).message}`, { cause: error })
  }
}

export const native: NativeBinding = load()
