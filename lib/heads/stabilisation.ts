// When the exact head looks at U, what it corrects, and how fast old corrections reach the rows of V that nobody touches.
// The numbers are chosen here; the addon does what they say.

import type { NativePolicy } from '../binding.js'
import { checkInteger, checkNumber, checkObject } from '../check.js'
import { fieldsOf } from '../fields.js'

/**
 * How an {@link ExactHead} keeps its factored weights W = V U accurate. The defaults suit all but experiments.
 *
 * @category Options of heads
 */
export interface StabilisationPolicy {
  /**
   * Singular values of U are kept within [lo, 1 / lo], 0.001 to 0.9. A low value means fewer corrections and less
   * precision: rows of V carry rounding errors that are larger by up to 1 / lo. Default 0.35: with 0.5 a long run at share 0.3
   * takes a tenth more time, and is no more exact by our tests.
   */
  lo: number
  /**
   * A step is split when it would shrink some direction of W below this share of its length, 0 to 0.9: that direction goes
   * into the correction log at once instead of through an inverse of U. Default 0.5.
   */
  singular: number
  /**
   * Steps between two looks at U's extreme singular values (8 d^2 each) at the most. Looks come earlier when a bound on what the
   * steps have done says that one may have left its band. A whole number from 1. Default 16.
   */
  lookEvery: number
  /**
   * Columns of U^-T, in turn, that each step of 64 examples or more brings nearer to the true inverse (a Newton-Schulz step, 4 d^2
   * each); a step of fewer examples in proportion. 0 to 65536. Default 1.
   */
  polishColumns: number
  /**
   * Rows of V brought up to date for each correction in the log, so that the log's memory stays bounded; 0 to 2^31, fractions too.
   * Default: as many as keep the log within about 5 % of V.
   */
  sweepRows: number
}

/**
 * A stretch of the log holds d / 2 entries, as many as cost a row d^2 multiply-adds: then its product is no dearer. It takes
 * 2 d^2 floats with that product, so `sweepRows` entries a row keep the log within about 5 % of V (or 16 stretches, if more).
 */
export function defaultPolicy(numClasses: number, features: number): NativePolicy {
  const stretch = Math.max(8, Math.ceil(features / 2))
  const stretches = Math.max(16, (0.05 * numClasses) / (2 * features))
  return {
    lo: 0.35,
    singular: 0.5,
    lookEvery: 16,
    polishColumns: 1,
    sweepRows: numClasses / (stretches * stretch),
    stretch,
  }
}

const NAMES = ['lo', 'singular', 'lookEvery', 'polishColumns', 'sweepRows'] as const

export function copyPolicy(changes: Partial<StabilisationPolicy>): Partial<StabilisationPolicy> {
  return fieldsOf(changes, NAMES)
}

export function mergePolicy(current: NativePolicy, changes: Partial<StabilisationPolicy>): NativePolicy {
  checkObject('policy', changes)
  const merged = { ...current, ...copyPolicy(changes) }
  checkNumber('policy.lo', merged.lo, 0.001, 0.9)
  checkNumber('policy.singular', merged.singular, 0, 0.9)
  checkInteger('policy.lookEvery', merged.lookEvery, 1, 2 ** 31 - 1)
  checkInteger('policy.polishColumns', merged.polishColumns, 0, 65536)
  checkNumber('policy.sweepRows', merged.sweepRows, 0, 2 ** 31)
  return merged
}
