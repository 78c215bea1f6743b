import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/**
 * The version of this package, as in its package.json.
 *
 * @category Process and errors
 */
export const version: string = (require('../package.json') as { version: string }).version
