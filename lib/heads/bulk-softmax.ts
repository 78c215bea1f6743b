import { checkArray, checkBoolean, checkInteger, checkNumber, checkObject } from '../check.js'
import { loadHeadAs } from '../checkpoint/load-head.js'
import { rangeError, typeError } from '../errors.js'
import { BULK_SOFTMAX } from '../losses.js'
import { nativeOptimizer, type Optimizer, readOptimizer } from '../optimizer.js'
import { readCounts } from './counts.js'
import { FactoredHead, type FactoredOptions } from './exact.js'
import { copyOptions } from './given.js'
import { readKey } from './hashing.js'

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
   * Classes that an index over the rows finds for each minibatch, which every example sees: those whose outputs are probably large, 0
   * to 2^31 - 1; each example has its share of them. Default 0; where a few rare classes are likely, as with tags, sets and sessions,
   * 1,024 or more are worth their time. The index takes some 280 bytes a class.
   */
  retrieved?: number
  /**
   * Classes that the index finds for each example, which it alone sees, 0 to 2^31 - 1: cheaper than those that all see, since an
   * example computes no outputs of the others' classes; their rows learn at the rate of the bulk. Default 0.
   */
  retrievedPerExample?: number
  /** That index, where classes are retrieved. */
  index?: BulkIndexOptions
  /**
   * Classes drawn for each minibatch in proportion to max(count, 1)^0.75, 0 to 2^31 - 1, which every example sees: they stand for a part
   * of the bulk: 0 leaves all of it to the Gaussian, and single classes that have grown too large unseen. Default 2048. It takes 28
   * bytes a class. Where no more classes are left than are drawn, all are computed.
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
  /**
   * How the rows of the classes that every example sees are changed: by SGD, or by Adagrad with one sum a row, in place of `ratePower`; not
   * by Adam.
   * All other rows are changed by SGD: by Adagrad at the rate that it has for the mean root of the sums of this step. Default sgd.
   */
  optimizer?: Optimizer
  /** With Adagrad, how many times that rate the rate of all other rows is, 1e-6 to 1e6. Default 1. */
  bulkRate?: number
}

/**
 * The index of a {@link BulkSoftmaxHead}: hash tables of signs of random projections over the rows of V, which the dense part of an update
 * leaves as they are. Counts are whole numbers from 1.
 *
 * @category Options of heads
 */
export interface BulkIndexOptions {
  /** At most 4,096; more find more, and take some 9 bytes a class each. Default 32. */
  tables?: number
  /** Hashes that make the key of a table, at most 64. Default: as many as leave some 16 classes in a bucket. */
  hashesPerTable?: number
  /** Steps after which the rows that have changed are hashed again. Default 256. */
  rehashEvery?: number
  /** Ids looked at in one bucket; in a longer one a run of them from a place drawn anew each step. Default 512. */
  bucketLimit?: number
  /** Rows are filled up to one length before they are hashed, so that the largest outputs are found and not the nearest directions. Default false. */
  augment?: boolean
}

/**
 * The softmax with a Gaussian bulk: some classes are computed one by one (an example's targets, those of the minibatch, a shortlist of
 * frequent ones), and the sum of the exponentials of all other outputs is that of a Gaussian of their mean and variance, which the
 * factored weights of ExactHead give exactly. The loss is near the full softmax's, its gradients for the hidden vectors and for all
 * D rows of weights are exact, and a step costs O(d^2 + d S) an example, S the classes that are computed, whatever D is. With all
 * classes in the shortlist it is SoftmaxHead; with `sampledShare: 1` it estimates as SampledSoftmaxHead does.
 *
 * `evaluate` gives the loss without draws; with `exact: true` the full softmax, O(D d) an example. `logits` and `topK` are exact.
 *
 * @category Heads
 */
export class BulkSoftmaxHead extends FactoredHead {
  // How many classes the shortlist has, where it is a list: that is saved with the weights.
  readonly #listed: number | undefined

  /**
   * @param options its shape, and which classes are computed one by one
   * @throws a TypeError or RangeError that names the option, the rule and the value received (WIDEHEAD_INVALID_TYPE,
   * WIDEHEAD_OUT_OF_RANGE, WIDEHEAD_DETACHED); WIDEHEAD_OUT_OF_MEMORY: the weights, 4 D d bytes and more, are not to be had
   */
  constructor(options: BulkSoftmaxOptions) {
    const given = copyOptions('bulk', options)
    super('bulk', given, { loss: BULK_SOFTMAX, options: (numClasses) => readOptions(given, numClasses) })
    this.#listed = ArrayBuffer.isView(given.shortlist) ? given.shortlist.length : undefined
  }

  protected override recipe(): object {
    return { ...super.recipe(), ...(this.#listed !== undefined && { shortlist: this.#listed }) }
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
const SAMPLED = 2048
const TABLES = 32
const POWER = 0.75

function readOptions(options: BulkSoftmaxOptions, numClasses: number): object {
  return {
    ...readShortlist(options.shortlist ?? SHORTLIST, numClasses),
    counts: readCounts(options.counts, numClasses),
    minibatchTargets: checkBoolean('minibatchTargets', options.minibatchTargets ?? true),
    retrieved: checkInteger('retrieved', options.retrieved ?? 0, 0, 0x7fffffff),
    retrievedPerExample: checkInteger('retrievedPerExample', options.retrievedPerExample ?? 0, 0, 0x7fffffff),
    ...readIndex(options.index ?? {}, numClasses),
    sampled: checkInteger('sampled', options.sampled ?? SAMPLED, 0, 0x7fffffff),
    sampledShare: checkNumber('sampledShare', options.sampledShare ?? 0.9, 0, 1),
    sampler: 'unigram',
    power: POWER,
    ratePower: checkNumber('ratePower', options.ratePower ?? 0.5, 0, 1),
    optimizer: nativeOptimizer(readBulkOptimizer(options)),
    bulkRate: checkNumber('bulkRate', options.bulkRate ?? 1, 1e-6, 1e6),
  }
}

function readIndex(index: BulkIndexOptions, numClasses: number): object {
  checkObject('index', index)
  return {
    tables: checkInteger('index.tables', index.tables ?? TABLES, 1, 4096),
    hashesPerTable: readKey('index.hashesPerTable', index.hashesPerTable, 2, numClasses),
    rehashEvery: checkInteger('index.rehashEvery', index.rehashEvery ?? 256, 1, 0x7fffffff),
    bucketLimit: checkInteger('index.bucketLimit', index.bucketLimit ?? 512, 1, 0x7fffffff),
    augment: checkBoolean('index.augment', index.augment ?? false),
  }
}

function readBulkOptimizer({ optimizer, minibatchTargets }: BulkSoftmaxOptions): Optimizer {
  const read: Optimizer = readOptimizer(optimizer ?? { kind: 'sgd' })
  if (read.kind === 'adam') throw rangeError('optimizer.kind must be sgd or adagrad for a BulkSoftmaxHead, got adam')
  if (read.kind === 'adagrad' && !read.rowwise) {
    throw rangeError('optimizer.rowwise must be true for a BulkSoftmaxHead, got false')
  }
  if (read.kind === 'adagrad' && !(minibatchTargets ?? true)) {
    throw rangeError('minibatchTargets must be true for the optimizer adagrad, got false')
  }
  return read
}

function readShortlist(shortlist: number | Int32Array, numClasses: number): object {
  if (typeof shortlist === 'number') {
    return { shortlist: checkInteger('shortlist', shortlist, 0, 0x7fffffff), classes: null }
  }
  if (!(shortlist instanceof Int32Array)) {
    throw typeError('shortlist must be a number of classes or an Int32Array of class ids')
  }
  checkArray('shortlist', shortlist, Int32Array)
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
