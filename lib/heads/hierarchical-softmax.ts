import { loadHeadAs } from '../checkpoint/load-head.js'
import { rangeError } from '../errors.js'
import type { Loss } from '../losses.js'
import { nativeOptimizer, readOptimizer } from '../optimizer.js'
import { BaseHead } from './base.js'
import { readCounts } from './counts.js'
import { copyOptions } from './given.js'
import type { RowHeadOptions } from './types.js'

/**
 * Options of {@link HierarchicalSoftmaxHead}.
 *
 * @category Options of heads
 */
export interface HierarchicalSoftmaxOptions extends RowHeadOptions {
  /**
   * How often each class is expected, D numbers of at least 0: frequent classes get short paths, so that a step costs about
   * as many products as the classes' entropy has bits. Read once. Default: all alike, a balanced tree. A head that is to
   * go on from the weights of another needs the counts that the other had.
   */
  counts?: Float64Array | Int32Array
}

/** -sum y log P with the head's own probabilities, the values y as given. */
export const HIERARCHICAL_SOFTMAX: Loss = Object.freeze<Loss>({
  name: 'hierarchical-softmax',
  parameters: {},
  ranking: 'logit',
  probabilistic: true,
  defaultInit: { kind: 'zeros' },
})

const NO_INDEX = 'index() needs a head with a row for each class, which this head lacks: use topK()'

/**
 * Hierarchical softmax (Morin and Bengio 2005; Mikolov et al. 2013): the classes are the leaves of a binary Huffman tree,
 * at most 64 deep, and P(class) is the product of one logistic decision for each inner node on the way to it. Probabilities
 * add up to 1 and the likelihood is exact, but it is another model than the full softmax. A step costs O(depth * d) an
 * example, whatever D is; the tree takes 16 bytes a class beside W.
 *
 * The loss of an example is -sum y log P with the values y of its targets as they are given: divide them by their sum for a
 * distribution over several classes. An example without targets has the loss 0 and no gradient.
 *
 * `logits` are log P. `topK` searches the tree best first and is exact: a node is ruled out by the log-probability of reaching
 * it. That takes a few times depth * k products once the head has learnt something, and up to D - 1 while all classes are
 * alike.
 *
 * W has one row an inner node, not one a class: row i (of `rows`, `biases` and `init`) is that of node i, node 0 the root and
 * the others in the order of falling counts below them; row D - 1 belongs to no node and is never trained. Results do not
 * depend on the number of threads.
 *
 * @category Heads
 */
export class HierarchicalSoftmaxHead extends BaseHead {
  /**
   * @param options its shape, and how often classes occur
   * @throws a TypeError or RangeError that names the option, the rule and the value received (WIDEHEAD_INVALID_TYPE,
   * WIDEHEAD_OUT_OF_RANGE, WIDEHEAD_DETACHED); WIDEHEAD_OUT_OF_MEMORY: the weights, 4 D d bytes and more, are not to be had
   */
  constructor(options: HierarchicalSoftmaxOptions) {
    const given = copyOptions('hierarchical', options)
    super('hierarchical', given, {
      loss: HIERARCHICAL_SOFTMAX,
      options: (numClasses) => ({
        optimizer: nativeOptimizer(readOptimizer(given.optimizer ?? { kind: 'sgd' })),
        counts: readCounts(given.counts, numClasses),
      }),
    })
  }

  /**
   * A head as it was saved in `folder`, by `save` or `widehead train`, at the newest checkpoint there (or the one that `folder` is):
   * it goes on bit for bit.
   *
   * @param folder a folder of checkpoints, or one checkpoint
   * @throws as a rejection: WIDEHEAD_FILE, if there is none, it is damaged, of another kind or from another version;
   * WIDEHEAD_OUT_OF_MEMORY; a TypeError for arguments of the wrong type
   */
  static load(folder: string): Promise<HierarchicalSoftmaxHead> {
    return loadHeadAs(folder, 'hierarchical', (_, own) => new HierarchicalSoftmaxHead(own))
  }

  /**
   * Refused: rows are nodes of the tree and no classes, and topK() looks at few of them as it is.
   *
   * @throws a RangeError (WIDEHEAD_OUT_OF_RANGE)
   */
  override index(): never {
    throw rangeError(NO_INDEX)
  }

  /**
   * Refused, as index() is.
   *
   * @throws a RangeError (WIDEHEAD_OUT_OF_RANGE), as a rejection
   */
  override indexAsync(): Promise<never> {
    return Promise.reject(rangeError(NO_INDEX))
  }
}
