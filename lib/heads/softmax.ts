import { type LoadOptions, loadHeadAs } from '../checkpoint/load-head.js'
import { SOFTMAX } from '../losses.js'
import { nativeOptimizer, readOptimizer } from '../optimizer.js'
import { BaseHead } from './base.js'
import { copyOptions } from './given.js'
import type { RowHeadOptions } from './types.js'

/**
 * The full softmax with cross-entropy: exact loss, gradient and update of all D classes, O(D d) an example. Its logits come
 * a block of classes at a time: beside W and the optimiser's state it needs some ten megabytes, whatever D is.
 *
 * The loss of an example is -sum y log p with the values y of its targets as they are given: divide them by their sum for a
 * distribution over several classes. An example without targets has the loss 0 and no gradient.
 *
 * On several ranks (`distributed`) each has the logits of its own classes, and the results are those of one.
 *
 * @category Heads
 */
export class SoftmaxHead extends BaseHead {
  /**
   * @param options its shape, and how its rows are changed
   * @throws a TypeError or RangeError that names the option, the rule and the value received (WIDEHEAD_INVALID_TYPE,
   * WIDEHEAD_OUT_OF_RANGE, WIDEHEAD_DETACHED); WIDEHEAD_OUT_OF_MEMORY: the weights, 4 D d bytes and more, are not to be had
   */
  constructor(options: RowHeadOptions) {
    const given = copyOptions('softmax', options)
    super('softmax', given, {
      loss: SOFTMAX,
      distributed: true,
      options: () => ({ optimizer: nativeOptimizer(readOptimizer(given.optimizer ?? { kind: 'sgd' })) }),
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
  static load(folder: string, options?: Pick<LoadOptions, 'distributed'>): Promise<SoftmaxHead> {
    return loadHeadAs(folder, 'softmax', (_, own) => new SoftmaxHead(own), options)
  }
}
