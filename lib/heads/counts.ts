// How often each class occurs, as the heads that sample or build a tree by it are given it.

import { checkArray } from '../check.js'
import { rangeError } from '../errors.js'

/** null where none are given. The addon checks what the numbers are. */
export function readCounts(counts: Float64Array | Int32Array | undefined, numClasses: number): Float64Array | null {
  if (counts === undefined) return null
  checkArray('counts', counts, Float64Array, Int32Array)
  if (counts.length !== numClasses) {
    throw rangeError(`counts must have length numClasses = ${numClasses}, got ${counts.length}`)
  }
  return counts instanceof Float64Array ? counts : Float64Array.from(counts)
}
