import { type LoadOptions, loadHeadAs } from '../checkpoint/load-head.js'
import { BaseHead } from './base.js'
import type { HeadOptions } from './types.js'

/**
 * The plain output layer: forms W and all D outputs, O(D d) an example and m * D floats of memory. Same losses, same contract as
 * ExactHead, so that the two can be compared.
 *
 * @category Heads
 */
export class DenseHead extends BaseHead {
  /**
   * @param options its shape and its loss
   * @throws a TypeError or RangeError that names the option, the rule and the value received (WIDEHEAD_INVALID_TYPE,
   * WIDEHEAD_OUT_OF_RANGE, WIDEHEAD_DETACHED); WIDEHEAD_OUT_OF_MEMORY: the weights, 4 D d bytes and more, are not to be had
   */
  constructor(options: HeadOptions) {
    super('dense', options)
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
  static load(folder: string, options?: LoadOptions): Promise<DenseHead> {
    return loadHeadAs(folder, 'dense', (_, own) => new DenseHead(own), options)
  }
}
