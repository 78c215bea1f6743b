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
import type { Head } from './types.js'
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

/**
 * A head as it was saved in `folder`, by {@link Head.save} or `widehead train`, at the newest checkpoint there (or the one that
 * `folder` is): it goes on bit for bit.
 *
 * @param folder a folder of checkpoints, or one checkpoint
 * @param options what no file can hold
 * @param kind the only kind that will do: 'exact', 'dense', 'bulk', 'softmax', 'sampled', 'hierarchical', 'wta' or 'lsh'. Default: any
 * @throws as a rejection: WIDEHEAD_FILE, if there is none, it is damaged, of another kind or from another version;
 * WIDEHEAD_OUT_OF_MEMORY; a TypeError for arguments of the wrong type
 * @category Checkpoints
 */
export function loadHead(folder: string, options?: LoadOptions, kind?: string): Promise<Head> {
  const create = (kind: string, own: never) => {
    const Kind = KINDS.get(kind)
    if (!Kind) throw badFile(folder, `holds a head of the unknown kind ${JSON.stringify(kind)}`)
    return new Kind(own)
  }
  return loadHeadAs(folder, kind, create, options)
}
