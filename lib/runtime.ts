// The instruction set and the threads of this process.

import { checkInteger } from './check.js'
import { rangeError } from './errors.js'
import { native } from './native.js'

/**
 * The instruction set in use: 'avx512', 'avx2', 'neon' or 'scalar'. The environment variable WIDEHEAD_ISA forces one; one that this
 * CPU lacks fails the import with WIDEHEAD_ISA.
 *
 * @category Process and errors
 */
export function isa(): string {
  return native.isa()
}

/**
 * The instruction sets that this CPU runs, best first.
 *
 * @category Process and errors
 */
export function supportedIsas(): string[] {
  return native.supportedIsas()
}

/**
 * Threads used by each operation, the calling one included.
 *
 * @category Process and errors
 */
export function threads(): number {
  return native.threads()
}

/**
 * Sets the number of threads of the process. At the start it is the environment variable WIDEHEAD_THREADS, or the number of cores.
 * The same inputs, seed, instruction set and number of threads give the same bits.
 *
 * @param count 1 to 1024
 * @throws a TypeError or RangeError
 * @category Process and errors
 */
export function setThreads(count: number): void {
  native.setThreads(checkInteger('count', count, 1, 1024))
}

// A forced setting that cannot be honoured fails here, at import, and not as a puzzling measurement later.
native.isa()
const forced = process.env.WIDEHEAD_THREADS
if (forced !== undefined && forced !== '' && !/^[1-9]\d{0,2}$|^10[0-1]\d$|^102[0-4]$/.test(forced)) {
  throw rangeError(`WIDEHEAD_THREADS must be a whole number from 1 to 1024, got ${JSON.stringify(forced)}`)
}
