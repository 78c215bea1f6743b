// A saved head of whatever kind.

import { type LoadOptions, loadHeadAs } from '../checkpoint/load-head.js'
import { badFile } from '../files/safetensors.js'
import type { BaseHead } from './base.js'
import { BulkSoftmaxHead } from './bulk-softmax.js'
import { DenseHead } from './dense.js'
import { ExactHead } from './exact.js'
import { HierarchicalSoftmaxHead } from './hierarchical-softmax.js'
import { LshSampledSoftmaxHead } from './lsh-softmax.js'
import { SampledSoftmaxHead } from './sampled-softmax.js'
import { SoftmaxHead } from './softmax.js'
import { WtaSoftmaxHead } from './wta-softmax.js'

type Kind = new (options: never) => BaseHead
const KINDS = new Map<string, Kind>([
  ['exact', ExactHead],
  ['dense', DenseHead],
  ['bulk', BulkSoftmaxHead],
  ['softmax', SoftmaxHead],
  ['sampled', SampledSoftmaxHead],
  ['hierarchical', HierarchicalSoftmaxHead],
  ['wta', WtaSoftmaxHead],
  ['lsh', LshSampledSoftmaxHead],
])

/** A head as it was saved in `folder`, of whatever kind it is there, or of this one. Errors: WIDEHEAD_FILE. */
export function loadHead(folder: string, options?: LoadOptions, kind?: string): Promise<BaseHead> {
  const create = (kind: string, own: never) => {
    const Head = KINDS.get(kind)
    if (!Head) throw badFile(folder, `holds a head of the unknown kind ${JSON.stringify(kind)}`)
    return new Head(own)
  }
  return loadHeadAs(folder, kind, create, options)
}
