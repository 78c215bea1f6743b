// A loss written in JavaScript, called between a pass's two native halves.

import type { NativeHead, NativePass } from '../binding.js'
import { WideheadError } from '../errors.js'
import type { CustomLossFunction, LossBatch } from '../losses.js'

export function fillCustomLoss(
  head: NativeHead,
  pass: NativePass,
  numClasses: number,
  compute: CustomLossFunction,
): void {
  const m = head.examples(pass)
  const count = head.sizes(pass)
  const given = {
    q: new Float64Array(m),
    s: new Float64Array(m),
    a: new Float64Array(count),
    indptr: new Uint32Array(m + 1),
    values: new Float32Array(count),
  }
  head.readLoss(pass, given)
  const filled = {
    losses: new Float64Array(m),
    gq: new Float64Array(m),
    gs: new Float64Array(m),
    ga: new Float64Array(count),
  }
  const batch: LossBatch = Object.freeze({ ...given, ...filled, numClasses })
  const returned: unknown = compute(batch)
  if (returned instanceof Promise) {
    returned.catch(() => {})
    throw new WideheadError('WIDEHEAD_LOSS', 'a custom loss must fill its arrays before it returns, got a Promise')
  }
  head.writeLoss(pass, filled)
}
