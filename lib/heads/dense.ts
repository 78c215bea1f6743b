import { type LoadOptions, loadHeadAs } from '../checkpoint/load-head.js'
import { BaseHead } from './base.js'
import type { HeadOptions } from './types.js'

/**
 * The plain output layer: forms W and all D outputs, O(D d) an example and m * D floats of memory. Same losses, same contract as
 * ExactHead, so that the two can be compared.
 */
export class DenseHead extends BaseHead {
  constructor(options: HeadOptions) {
    super('dense', options)
  }

  /** A head as it was saved in `folder`, by `save` or `widehead train`. Errors: WIDEHEAD_FILE. */
  static load(folder: string, options?: LoadOptions): Promise<DenseHead> {
    return loadHeadAs(folder, 'dense', (_, own) => new DenseHead(own), options)
  }
}
