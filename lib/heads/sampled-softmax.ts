import { checkInteger, checkNumber, oneOf } from '../check.js'
import { type LoadOptions, loadHeadAs } from '../checkpoint/load-head.js'
import { rangeError } from '../errors.js'
import { SOFTMAX } from '../losses.js'
import { nativeOptimizer, readOptimizer } from '../optimizer.js'
import { BaseHead } from './base.js'
import { readCounts } from './counts.js'
import { copyOptions } from './given.js'
import type { RowHeadOptions } from './types.js'

/**
 * How {@link SampledSoftmaxHead} draws classes: all alike, by Zipf's law over ids sorted by falling frequency, or by counts.
 *
 * @category Options of heads
 */
export type Sampler = 'uniform' | 'log-uniform' | 'unigram'

const SAMPLERS: readonly Sampler[] = ['uniform', 'log-uniform', 'unigram']

/**
 * Options of {@link SampledSoftmaxHead}.
 *
 * @category Options of heads
 */
export interface SampledSoftmaxOptions extends RowHeadOptions {
  /** S, the classes drawn for each minibatch, 1 to 2^31 - 1. From D - 1 on a step sees all classes. Default 1024. */
  samples?: number
  /**
   * How the S different classes are drawn (with `seed`): all alike; in proportion to log((c + 2) / (c + 1)), which is Zipf's
   * law for classes sorted by falling frequency; or in proportion to max(count, 1)^power. Default 'unigram', which learned
   * most from as many samples wherever we compared them; it holds 28 bytes a class.
   */
  sampler?: Sampler
  /** Of 'unigram', 0 to 1: 0 draws all alike, 1 in proportion to the counts. Default 0.75. */
  power?: number
  /**
   * Of 'unigram': how frequent each class is, D numbers of at least 0. Default: how often each was a target in the steps so
   * far, looked at after 64 steps, 128, 256 and so on.
   */
  counts?: Float64Array | Int32Array
}

/**
 * Sampled softmax (Bengio and Senecal 2003; Jean et al., arXiv 1412.2007): a step sees the targets of its minibatch and S classes drawn
 * at random, O(S d) an example, whatever D is.
 *
 * The loss and the gradient of a step are estimates of SoftmaxHead's: a drawn class that is no target stands for the classes
 * that were not drawn, its logit lowered by the logarithm of the probability that it is in the draw (of the expected count,
 * with 'log-uniform' and 'unigram'). Their bias falls like 1 / S. With S >= D - 1 nothing is drawn and nothing estimated.
 *
 * `evaluate` is the full softmax over all D classes, O(D d) an example, so that losses can be compared between heads;
 * `logits` and `topK` are exact. A step is the same for the same seed and the same steps before it, on any number of ranks
 * (`distributed`): all of them draw the same classes.
 *
 * @category Heads
 */
export class SampledSoftmaxHead extends BaseHead {
  /**
   * @param options its shape, how many classes are drawn and how
   * @throws a TypeError or RangeError that names the option, the rule and the value received (WIDEHEAD_INVALID_TYPE,
   * WIDEHEAD_OUT_OF_RANGE, WIDEHEAD_DETACHED); WIDEHEAD_OUT_OF_MEMORY: the weights, 4 D d bytes and more, are not to be had
   */
  constructor(options: SampledSoftmaxOptions) {
    const given = copyOptions('sampled', options)
    super('sampled', given, {
      loss: SOFTMAX,
      distributed: true,
      options: (numClasses) => ({
        optimizer: nativeOptimizer(readOptimizer(given.optimizer ?? { kind: 'sgd' })),
        samples: checkInteger('samples', given.samples ?? 1024, 1, 0x7fffffff),
        ...readSampler(given, numClasses),
      }),
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
  static load(folder: string, options?: Pick<LoadOptions, 'distributed'>): Promise<SampledSoftmaxHead> {
    return loadHeadAs(folder, 'sampled', (_, own) => new SampledSoftmaxHead(own), options)
  }
}

function readSampler(options: SampledSoftmaxOptions, numClasses: number): object {
  const sampler = oneOf('sampler', options.sampler ?? 'unigram', SAMPLERS)
  if (sampler !== 'unigram') {
    for (const name of ['power', 'counts'] as const) {
      if (options[name] !== undefined) throw rangeError(`${name} needs sampler: 'unigram', got '${sampler}'`)
    }
  }
  const power = checkNumber('power', options.power ?? 0.75, 0, 1)
  return { sampler, power, counts: readCounts(options.counts, numClasses) }
}
