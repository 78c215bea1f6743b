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
}
