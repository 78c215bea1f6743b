import { checkBoolean, checkInteger, checkNumber } from '../check.js'
import { loadHeadAs } from '../checkpoint/load-head.js'
import { rangeError, typeError } from '../errors.js'
import { BULK_SOFTMAX } from '../losses.js'
import { readCounts } from './counts.js'
import { FactoredHead, type FactoredOptions } from './exact.js'
import { defaultHashes } from './hashing.js'

/**
 * Options of {@link BulkSoftmaxHead}.
 *
 * @category Options of heads
 */
export interface BulkSoftmaxOptions extends FactoredOptions {
  /**
   * The classes whose outputs every example has computed one by one, beside its own targets: how many of the most frequent, 0 to
   * 2^31 - 1, or which, each once. Where less than a sixteenth of all classes would be left, all are computed. Default 128.
   */
  shortlist?: number | Int32Array
  /**
   * How frequent each class is, D numbers of at least 0; a shortlist leaves classes of count 0 out. Default: how often each was a target
   * in the steps so far, looked at after steps 1, 2, 4, 8 and so on (for what is sampled after 64, 128 and so on).
   */
  counts?: Float64Array | Int32Array
  /** Every example sees the targets of the whole minibatch. Default true. */
  minibatchTargets?: boolean
  /**
   * Classes that hash tables over the rows find for each minibatch, which every example sees: those whose outputs are probably large, 0
   * to 2^31 - 1. Default 0. They take some 130 bytes a class.
   */
  retrieved?: number
  /**
   * Classes drawn for each minibatch in proportion to max(count, 1)^0.75, 0 to 2^31 - 1, which every example sees: they stand for a part
   * of the bulk: 0 leaves all of it to the Gaussian, and single classes that have grown too large unseen. Default 512. It takes 28 bytes
   * a class.
   */
  sampled?: number
  /** The part of the bulk that is estimated by what is drawn, 0 to 1; the rest is a Gaussian. Default 0.9. */
  sampledShare?: number
  /**
   * A class of the shortlist learns at the learning rate times (count of the rarest class of the shortlist / its count)^ratePower,
   * 0 to 1, so that a rate which suits rare classes does not make frequent ones unstable. Not with a list of classes. Default 0.5; 0 is
   * plain SGD.
   */
  ratePower?: number
}

/**
 * The softmax with a Gaussian bulk: some classes are computed one by one (an example's targets, those of the minibatch, a shortlist of
 * frequent ones), and the sum of the exponentials of all other outputs is that of a Gaussian of their mean and variance, which the
 * factored weights of ExactHead give exactly. The loss is near the full softmax's, its gradients for the hidden vectors and for all
 * D rows of weights are exact, and a step costs O(d^2 + d S) an example, S the classes that are computed, whatever D is. With all
 * classes in the shortlist it is SoftmaxHead; with `sampledShare: 1` it estimates as SampledSoftmaxHead does. Updates are those of SGD.
 *
 * `evaluate` gives the loss without draws; with `exact: true` the full softmax, O(D d) an example. `logits` and `topK` are exact.
 *
 * @category Heads
 */
export class BulkSoftmaxHead extends FactoredHead {
  /**
   * @param options its shape, and which classes are computed one by one
   * @throws a TypeError or RangeError that names the option, the rule and the value received (WIDEHEAD_INVALID_TYPE,
   * WIDEHEAD_OUT_OF_RANGE, WIDEHEAD_DETACHED); WIDEHEAD_OUT_OF_MEMORY: the weights, 4 D d bytes and more, are not to be had
   */
  constructor(options: BulkSoftmaxOptions) {
    super('bulk', options, { loss: BULK_SOFTMAX, options: (numClasses) => readOptions(options, numClasses) })
  }

  /** A list is saved with the weights. */
  protected override recipe(): object {
    const recipe = super.recipe() as Partial<BulkSoftmaxOptions>
    const { shortlist } = recipe
    return { ...recipe, ...(shortlist instanceof Int32Array && { shortlist: shortlist.length }) }
  }

  /**
   * A head as it was saved in `folder`, by `save` or `widehead train`, at the newest checkpoint there (or the one that `folder` is):
   * it goes on bit for bit.
   *
   * @param folder a folder of checkpoints, or one checkpoint
   * @throws as a rejection: WIDEHEAD_FILE, if there is none, it is damaged, of another kind or from another version;
   * WIDEHEAD_OUT_OF_MEMORY
   */
  static load(folder: string): Promise<BulkSoftmaxHead> {
    return loadHeadAs(folder, 'bulk', (_, own) => new BulkSoftmaxHead(own))
  }
}

const SHORTLIST = 128
const SAMPLED = 512
const TABLES = 32
const POWER = 0.75

function readOptions(options: BulkSoftmaxOptions, numClasses: number): object {
  return {
    ...readShortlist(options.shortlist ?? SHORTLIST, numClasses),
    counts: readCounts(options.counts, numClasses),
    minibatchTargets: checkBoolean('minibatchTargets', options.minibatchTargets ?? true),
    retrieved: checkInteger('retrieved', options.retrieved ?? 0, 0, 0x7fffffff),
    tables: TABLES,
    hashesPerTable: defaultHashes(numClasses, 1),
    sampled: checkInteger('sampled', options.sampled ?? SAMPLED, 0, 0x7fffffff),
    sampledShare: checkNumber('sampledShare', options.sampledShare ?? 0.9, 0, 1),
    sampler: 'unigram',
    power: POWER,
    ratePower: checkNumber('ratePower', options.ratePower ?? 0.5, 0, 1),
  }
}

function readShortlist(shortlist: number | Int32Array, numClasses: number): object {
  if (typeof shortlist === 'number') {
    return { shortlist: checkInteger('shortlist', shortlist, 0, 0x7fffffff), classes: null }
  }
  if (!(shortlist instanceof Int32Array)) {
    throw typeError('shortlist must be a number of classes or an Int32Array of class ids')
  }
  const seen = new Set<number>()
  for (const [i, id] of shortlist.entries()) {
    if (id < 0 || id >= numClasses) {
      throw rangeError(`shortlist must hold class ids from 0 to ${numClasses - 1}, got ${id} at index ${i}`)
    }
    if (seen.has(id)) throw rangeError(`shortlist must hold each class once, got ${id} again at index ${i}`)
    seen.add(id)
  }
  return { shortlist: shortlist.length, classes: shortlist }
}
