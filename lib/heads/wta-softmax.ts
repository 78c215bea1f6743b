import { checkInteger } from '../check.js'
import { type LoadOptions, loadHeadAs } from '../checkpoint/load-head.js'
import { rangeError } from '../errors.js'
import { SOFTMAX } from '../losses.js'
import { BaseHead } from './base.js'
import { copyOptions } from './given.js'
import { type HashedHeadOptions, hashedOptions, readKey, readWindow } from './hashing.js'

/**
 * Options of {@link WtaSoftmaxHead}. Counts are whole numbers from 1.
 *
 * @category Options of heads
 */
export interface WtaSoftmaxOptions extends HashedHeadOptions {
  /** Winner-take-all hashes of a row, up to 65536; `codesPerTable` of them make the key of a table. Default 32 tables' worth. */
  permutations?: number
  /** Coordinates that a hash compares: a power of two up to 256, at most the length of a row. Default 8. */
  window?: number
  /** Hashes that make the key of a table, together 64 bits at most. Default: as many as leave some 16 classes in a bucket. */
  codesPerTable?: number
  /** Classes kept for each example, those that most tables return, beside its true ones. Default 64. */
  candidates?: number
  /** Classes retrieved for a minibatch, which its examples share; they offer theirs in turn. Not with perExample. Default 1024. */
  unionLimit?: number
}

/**
 * Softmax over the classes that share most winner-take-all hashes with the hidden vector (Vijayanarasimhan et al. 2014), and the true
 * ones. A step costs as much as its candidates, whatever D is. The loss it trains with, and returns, lacks the other classes;
 * evaluate() and topK() are exact.
 *
 * On several ranks (`distributed`) each has tables of its own rows, and finds a P-th of the candidates, rounded up: what is found
 * depends on their number. diagnostics() are those of the rank.
 *
 * @category Heads
 */
export class WtaSoftmaxHead extends BaseHead {
  /**
   * @param options its shape, its hashes and candidates
   * @throws a TypeError or RangeError that names the option, the rule and the value received (WIDEHEAD_INVALID_TYPE,
   * WIDEHEAD_OUT_OF_RANGE, WIDEHEAD_DETACHED); WIDEHEAD_OUT_OF_MEMORY: the weights, 4 D d bytes and more, are not to be had
   */
  constructor(options: WtaSoftmaxOptions) {
    const given = copyOptions('wta', options)
    super('wta', given, {
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
  static load(folder: string, options?: Pick<LoadOptions, 'distributed'>): Promise<WtaSoftmaxHead> {
    return loadHeadAs(folder, 'wta', (_, own) => new WtaSoftmaxHead(own), options)
  }
}

function readOptions(options: WtaSoftmaxOptions, numClasses: number): object {
  if (options.perExample && options.unionLimit !== undefined) {
    throw rangeError('unionLimit needs candidates that all examples share, got perExample: true')
  }
  const window = readWindow(options)
  const hashesPerTable = readKey('codesPerTable', options.codesPerTable, window, numClasses)
  const permutations = checkInteger('permutations', options.permutations ?? 32 * hashesPerTable, hashesPerTable, 65536)
  return {
    ...hashedOptions(options, {
      hash: 'wta',
      tables: Math.floor(permutations / hashesPerTable),
      hashesPerTable,
      window,
    }),
    augment: false,
    candidates: checkInteger('candidates', options.candidates ?? 64, 1, 0x7fffffff),
    unionLimit: checkInteger('unionLimit', options.unionLimit ?? 1024, 1, 0x7fffffff),
  }
}
