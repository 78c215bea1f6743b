// What goes into the calls of a head, and what comes out. Shapes: m examples, d = hiddenSize, D = numClasses.

/**
 * Any number of target classes an example, in any order, as compressed sparse rows: the targets of example j are entries
 * `indptr[j]` to `indptr[j + 1] - 1`. An example may have none.
 *
 * @category Steps and results
 */
export interface SparseTargets {
  /** m + 1 offsets into `indices`, from 0, never falling. */
  indptr: Int32Array | Uint32Array
  /** Class ids, 0 to numClasses - 1; one that occurs twice in an example adds up. */
  indices: Int32Array | Uint32Array
  /** The weight (or target value) of each entry of `indices`, finite; 1 if absent. */
  values?: Float32Array
}

/**
 * One class an example (an array of m ids, 0 to numClasses - 1), or any number an example.
 *
 * @category Steps and results
 */
export type Targets = Int32Array | Uint32Array | SparseTargets

/**
 * Rates of one update.
 *
 * @category Steps and results
 */
export interface ApplyOptions {
  /** 0 to 3e38. The loss is a mean over the minibatch, so that good rates of an exact head are often above 1. */
  learningRate: number
  /**
   * w >= 0, learningRate * w < 1: W becomes (1 - learningRate * w) W - learningRate * dLoss/dW. Default 0. With another
   * optimiser than sgd its step takes the place of the gradient; a head that updates some rows a step decays those alone.
   */
  weightDecay?: number
  /** If the gradient's norm is larger, the head's update is scaled by clipNorm / gradNorm. At least 0. Default: no limit. */
  clipNorm?: number
}

/**
 * What a step tells of itself, all of it at the weights before the update.
 *
 * @category Steps and results
 */
export interface StepResult {
  /** Mean over the minibatch, of several ranks over those of all. */
  loss: number
  /** Gradient of that mean for the hidden vectors, m * d, row-major: what the layers below go on from. */
  dHidden: Float32Array
  /** Frobenius norm of the gradient of that mean for the weights (biases included), before clipping. */
  gradNorm: number
}

/**
 * Options of {@link Head.evaluate}.
 *
 * @category Steps and results
 */
export interface EvaluateOptions {
  /**
   * True: the loss that the head's own stands for, in O(D d) an example. {@link BulkSoftmaxHead}: the full softmax. For all other heads
   * it is what they evaluate anyway. Default false.
   */
  exact?: boolean
}

/**
 * The loss of a minibatch.
 *
 * @category Steps and results
 */
export interface Evaluation {
  /** Mean of `losses`. */
  loss: number
  /** One an example, m. */
  losses: Float64Array
}

/**
 * The first half of a step.
 *
 * @category Steps and results
 */
export interface ForwardResult extends Evaluation {
  /** Gradient of `loss` for the hidden vectors, m * d, row-major. */
  dHidden: Float32Array
  /**
   * Makes the update that this forward pass was the first half of. Once only, and only while the weights are the same.
   *
   * @throws WIDEHEAD_STALE: it was called before, or the weights have changed since; WIDEHEAD_CLOSED; WIDEHEAD_BUSY; a TypeError
   * or RangeError for wrong options. The weights are then what they were.
   */
  apply(options: ApplyOptions): {
    /** Frobenius norm of the gradient for the weights (biases included), before clipping. */
    gradNorm: number
  }
}

/**
 * Options of {@link Head.topK}.
 *
 * @category Steps and results
 */
export interface TopKOptions {
  /**
   * False: the search of the head's own, which computes the outputs of some classes alone and may miss some of the best; where it
   * finds fewer than k classes, all are looked at. {@link WtaSoftmaxHead} and {@link LshSampledSoftmaxHead} have one; the others
   * refuse with a RangeError. Default true.
   */
  exact?: boolean
  /** With exact: false, of how many classes at most outputs are computed, k to numClasses. Default 1024, or k if that is more. */
  candidates?: number
}

/**
 * The best classes of m hidden vectors.
 *
 * @category Steps and results
 */
export interface TopK {
  /** m * k class ids, row-major, best first, ties to the lower id. */
  classes: Int32Array
  /** m * k outputs o of those classes. */
  logits: Float32Array
}
