// Targets as the addon takes them. Contents (range of ids, order of indptr, finite values) are checked there.

import type { Ids } from '../binding.js'
import { checkArray, checkObject } from '../check.js'
import { rangeError } from '../errors.js'
import type { Targets } from './types.js'

export interface NativeTargets {
  indptr: Ids | null
  indices: Ids
  values: Float32Array | null
}

export function readTargets(targets: Targets, m: number): NativeTargets {
  if (ArrayBuffer.isView(targets)) {
    checkArray('targets', targets, Int32Array, Uint32Array)
    if (targets.length !== m) {
      throw rangeError(`targets must hold one class for each of the ${m} examples, got length ${targets.length}`)
    }
    return { indptr: null, indices: targets, values: null }
  }
  checkObject('targets', targets)
  const { indptr, indices, values } = targets
  checkArray('targets.indptr', indptr, Int32Array, Uint32Array)
  checkArray('targets.indices', indices, Int32Array, Uint32Array)
  if (indptr.length !== m + 1) {
    throw rangeError(`targets.indptr must have length m + 1 = ${m + 1}, got ${indptr.length}`)
  }
  if (values === undefined || values === null) return { indptr, indices, values: null }
  checkArray('targets.values', values, Float32Array)
  if (values.length !== indices.length) {
    throw rangeError(`targets.values must have the length of targets.indices, ${indices.length}, got ${values.length}`)
  }
  return { indptr, indices, values }
}

/** Copies that a caller cannot change while another thread reads them. */
export function copyTargets({ indptr, indices, values }: NativeTargets): NativeTargets {
  return { indptr: indptr?.slice() ?? null, indices: indices.slice(), values: values?.slice() ?? null }
}
