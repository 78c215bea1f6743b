import { checkInteger } from '../check.js'
import { loadHeadAs } from '../checkpoint/load-head.js'
import { rangeError, typeError } from '../errors.js'
import { BULK_SOFTMAX } from '../losses.js'
import { readCounts } from './counts.js'
import { FactoredHead, type FactoredOptions } from './exact.js'

export interface BulkSoftmaxOptions extends FactoredOptions {
  /**
   * The classes whose outputs every example of a minibatch has computed one by one, beside its own targets: how many of the most
   * frequent, 0 to 2^31 - 1, or which, each once. More are nearer to the full softmax, and cost O(d) an example each. Default 128.
   */
  shortlist?: number | Int32Array
  /**
   * With a number: how frequent each class is, D numbers of at least 0; classes of count 0 are left out. Default: how often each
   * was a target in the steps so far, looked at after steps 1, 2, 4, 8 and so on.
   */
  counts?: Float64Array | Int32Array
}

/**
 * The softmax with a Gaussian bulk: the shortlist and an example's targets are computed one by one, and the sum of the exponentials of all
 * other outputs is that of a Gaussian of their mean and variance, which the factored weights of ExactHead give exactly. The loss is
 * nearly the full softmax's, its gradients for the hidden vectors and for all D rows of weights are exact, and a step costs O(d^2 + d
 * shortlist) an example, whatever D is. With all classes in the shortlist it is SoftmaxHead. Updates are those of SGD.
 *
 * `evaluate` gives this loss; with `exact: true` the full softmax, O(D d) an example. `logits` and `topK` are exact.
 */
export class BulkSoftmaxHead extends FactoredHead {
  constructor(options: BulkSoftmaxOptions) {
    super('bulk', options, { loss: BULK_SOFTMAX, options: (numClasses) => readShortlist(options, numClasses) })
  }

  /** A list is saved with the weights. */
  protected override recipe(): object {
    const recipe = super.recipe() as Partial<BulkSoftmaxOptions>
    const { shortlist } = recipe
    return { ...recipe, ...(shortlist instanceof Int32Array && { shortlist: shortlist.length }) }
  }

  /** A head as it was saved in `folder`, by `save` or `widehead train`. Errors: WIDEHEAD_FILE. */
  static load(folder: string): Promise<BulkSoftmaxHead> {
    return loadHeadAs(folder, 'bulk', (_, own) => new BulkSoftmaxHead(own))
  }
}

const SHORTLIST = 128

function readShortlist({ shortlist = SHORTLIST, counts }: BulkSoftmaxOptions, numClasses: number): object {
  if (typeof shortlist === 'number') {
    checkInteger('shortlist', shortlist, 0, 0x7fffffff)
    return { shortlist, classes: null, counts: readCounts(counts, numClasses) }
  }
  if (!(shortlist instanceof Int32Array)) {
    throw typeError('shortlist must be a number of classes or an Int32Array of class ids')
  }
  if (counts !== undefined) throw rangeError('counts needs a number as shortlist, got counts beside a list')
  const seen = new Set<number>()
  for (const [i, id] of shortlist.entries()) {
    if (id < 0 || id >= numClasses) {
      throw rangeError(`shortlist must hold class ids from 0 to ${numClasses - 1}, got ${id} at index ${i}`)
    }
    if (seen.has(id)) throw rangeError(`shortlist must hold each class once, got ${id} again at index ${i}`)
    seen.add(id)
  }
  return { shortlist: shortlist.length, classes: shortlist, counts: null }
}
