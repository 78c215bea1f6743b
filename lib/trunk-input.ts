// What a trunk reads: types and lengths are checked here, contents by the core.

import type { Ids } from './binding.js'
import { checkArray, checkObject } from './check.js'
import { rangeError } from './errors.js'

/**
 * Bags of ids as compressed sparse rows; an example is `slots` bags in a row. A bag may be empty.
 *
 * @category Trunk
 */
export interface BagInput {
  /** m * slots + 1 offsets into `indices`, from 0, never falling. */
  indptr: Int32Array | Uint32Array
  /** Ids, 0 to vocabularySize - 1, any of them any number of times. */
  indices: Int32Array | Uint32Array
  /** The weight of each entry of `indices`, finite; 1 if absent. */
  values?: Float32Array
}

export interface NativeBags {
  examples: number
  indptr: Ids
  indices: Ids
  values: Float32Array | undefined
}

export function readBags(input: BagInput, slots: number, atLeast = 1): NativeBags {
  checkObject('input', input)
  const { indptr, indices, values } = input
  checkArray('input.indptr', indptr, Int32Array, Uint32Array)
  checkArray('input.indices', indices, Int32Array, Uint32Array)
  const examples = (indptr.length - 1) / slots
  if (!Number.isInteger(examples) || examples < atLeast) {
    const rule = slots === 1 ? 'm + 1' : `m * ${slots} + 1`
    throw rangeError(`input.indptr must have length ${rule} for m examples, m at least 1, got ${indptr.length}`)
  }
  if (values === undefined || values === null) return { examples, indptr, indices, values: undefined }
  checkArray('input.values', values, Float32Array)
  if (values.length !== indices.length) {
    throw rangeError(`input.values must have the length of input.indices, ${indices.length}, got ${values.length}`)
  }
  return { examples, indptr, indices, values }
}
