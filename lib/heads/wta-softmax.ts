import { checkInteger } from '../check.js'
import { loadHeadAs } from '../checkpoint/load-head.js'
import { SOFTMAX } from '../losses.js'
import { BaseHead } from './base.js'
import { type HashedHeadOptions, hashedOptions, readKey, readWindow } from './hashing.js'

export interface WtaSoftmaxOptions extends HashedHeadOptions {
  /** Winner-take-all hashes of a row; `codesPerTable` of them make the key of a table. Default 32 tables' worth. */
  permutations?: number
  /** Coordinates that a hash compares: a power of two, at most the length of a row. Default 8. */
  window?: number
  /** Default: as many as leave some 16 classes in a bucket. */
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
 */
export class WtaSoftmaxHead extends BaseHead {
  constructor(options: WtaSoftmaxOptions) {
    super('wta', options, { loss: SOFTMAX, options: (numClasses) => readOptions(options, numClasses) })
  }

  /** A head as it was saved in `folder`, by `save` or `widehead train`. Errors: WIDEHEAD_FILE. */
  static load(folder: string): Promise<WtaSoftmaxHead> {
    return loadHeadAs(folder, 'wta', (_, own) => new WtaSoftmaxHead(own))
  }
}

function readOptions(options: WtaSoftmaxOptions, numClasses: number): object {
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
