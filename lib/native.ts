// The only place that loads the addon.

import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { NativeBinding } from './binding.js'

const require = createRequire(import.meta.url)
// lib/ (tests, source) and dist/ (installed) both lie one folder below the package's root.
const root = fileURLToPath(new URL('..', import.meta.url))

export const native: NativeBinding = (require('node-gyp-build') as (directory: string) => NativeBinding)(root)
