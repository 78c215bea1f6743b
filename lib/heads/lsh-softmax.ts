import { checkBoolean, checkInteger, oneOf } from '../check.js'
import { type LoadOptions, loadHeadAs } from '../checkpoint/load-head.js'
import { rangeError } from '../errors.js'
import { SOFTMAX } from '../losses.js'
import { BaseHead } from './base.js'
import { copyOptions } from './given.js'
import { type HashedHeadOptions, hashedOptions, readKey, readWindow } from './hashing.js'

/**
 * Options of {@link LshSampledSoftmaxHead}.
 *
 * @category Options of heads
 */
export interface LshSampledSoftmaxOptions extends HashedHeadOptions {
  /** Signs of random projections, or densified winner-take-all codes. Default simhash. */
  hash?: 'simhash' | 'dwta'
  /** K, the hashes that make a table's key, together 64 bits at most. Default: as many as leave some 16 classes in a bucket. */
  hashesPerTable?: number
  /** L, the number of hash tables, 1 to 4096. Default 32. */
  tables?: number
  /** Coordinates that a code of dwta compares: a power of two up to 256, at most the length of a row. Default 8. */
  window?: number
  /** simhash: hash for inner products, rows being filled up to one length. Default false. */
  augment?: boolean
  /** Negatives from the buckets of the hidden vector, or from those of a true class's row. Default embedding. */
  query?: 'embedding' | 'label'
  /** Negatives of a minibatch, which its examples share; with perExample of each example. At least 2. Default 1024. */
  samples?: number
  /**
   * Draws half of the negatives uniformly and corrects their logits for it, so that loss and gradient are consistent estimates of the full
   * softmax. Not with perExample. Default false, as published: uniform ones fill up what the buckets lack, without correction.
   */
  correction?: boolean
}

/**
 * Softmax over the true classes and negatives drawn from hash tables over the rows of W (Daghaghi et al. 2021). A step costs as much
 * as its samples, whatever D is. The loss it trains with, and returns, is an estimate; evaluate() and topK() are exact.
 *
 * On several ranks (`distributed`) each has tables of its own rows, and finds or draws a P-th of the samples, rounded up: what is found
 * depends on their number. diagnostics() are those of the rank.
 *
 * @category Heads
 */
export class LshSampledSoftmaxHead extends BaseHead {
  /**
   * @param options its shape, its hash tables and samples
   * @throws a TypeError or RangeError that names the option, the rule and the value received (WIDEHEAD_INVALID_TYPE,
   * WIDEHEAD_OUT_OF_RANGE, WIDEHEAD_DETACHED); WIDEHEAD_OUT_OF_MEMORY: the weights, 4 D d bytes and more, are not to be had
   */
  constructor(options: LshSampledSoftmaxOptions) {
    const given = copyOptions('lsh', options)
    super('lsh', given, {
      loss: SOFTMAX,
      distributed: true,
      options: (numClasses) => readOptions(given, numClasses),
    })
  }

  /**
   * A head as it was saved in `folder`, by `save` or `widehead train`, at the newest checkpoint there (or the one that `folder` is):
   * it goes on bit for bit.
   *
   * @param folder a folder of checkpoints, or one checkpoint
   * @param options what no file can hold
   * @throws as a rejection: WIDEHEAD_FILE, if there is none, it is damaged, of another kind or from another version;
   * WIDEHEAD_OUT_OF_MEMORY; a TypeError for arguments of the wrong type
   */
  static load(folder: string, options?: Pick<LoadOptions, 'distributed'>): Promise<LshSampledSoftmaxHead> {
    return loadHeadAs(folder, 'lsh', (_, own) => new LshSampledSoftmaxHead(own), options)
  }
}

function readOptions(options: LshSampledSoftmaxOptions, numClasses: number): object {
  const hash = oneOf('hash', options.hash ?? 'simhash', ['simhash', 'dwta'])
  if (hash === 'simhash' && options.window !== undefined) throw rangeError("window needs hash: 'dwta', got 'simhash'")
  if (hash === 'dwta' && options.augment) throw rangeError("augment needs hash: 'simhash', got 'dwta'")
  const window = hash === 'simhash' ? 2 : readWindow(options)
  const correction = checkBoolean('correction', options.correction ?? false)
  if (correction && options.perExample) {
    throw rangeError('correction needs candidates that all examples share, got perExample: true')
  }
  return {
    ...hashedOptions(options, {
      hash,
      tables: checkInteger('tables', options.tables ?? 32, 1, 4096),
      hashesPerTable: readKey('hashesPerTable', options.hashesPerTable, window, numClasses),
      window,
    }),
    augment: checkBoolean('augment', options.augment ?? false),
    samples: checkInteger('samples', options.samples ?? 1024, 2, 0x7fffffff),
    query: oneOf('query', options.query ?? 'embedding', ['embedding', 'label']),
    correction,
  }
}
