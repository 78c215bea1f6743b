// The contract of every head: what goes in, what comes out. Shapes: m examples, d = hiddenSize, D = numClasses.

import type { Saved, SaveOptions } from '../checkpoint/save.js'
import type { Loss } from '../losses.js'
import type { Optimizer } from '../optimizer.js'
import type { IndexOptions, SearchIndex } from '../search-index.js'

/** Any number of target classes an example, in any order, as compressed sparse rows. */
export interface SparseTargets {
  /** m + 1 offsets into `indices`, from 0, never falling. */
  indptr: Int32Array | Uint32Array
  /** Class ids, 0 to numClasses - 1; one that occurs twice in an example adds up. */
  indices: Int32Array | Uint32Array
  /** The weight (or target value) of each entry of `indices`; 1 if absent. */
  values?: Float32Array
}

/** One class an example (an array of m ids), or any number an example. */
export type Targets = Int32Array | Uint32Array | SparseTargets

export type Init =
  | { kind: 'zeros' }
  | { kind: 'normal'; scale: number }
  | { kind: 'uniform'; scale: number }
  | { kind: 'weights'; weights: Float32Array; biases?: Float32Array }

/** Options of every head. */
export interface CommonOptions {
  /** D, 1 to 2^31 - 1. */
  numClasses: number
  /** d, the length of one hidden vector, 1 to 65536. */
  hiddenSize: number
  /** One bias a class, trained with the weights (an added feature that is always 1). Default false. */
  bias?: boolean
  /** Starting weights. Default: the loss's own (`loss.defaultInit`). */
  init?: Init
  /** Seed of random starting weights: a whole number from 0 to 2^53 - 1. Default 0. */
  seed?: number
}

/** Options of a head that takes any loss of the spherical family. */
export interface HeadOptions extends CommonOptions {
  loss: Loss
}

/** Options of a head that has a loss of its own and a row of weights for each class. */
export interface RowHeadOptions extends CommonOptions {
  /**
   * How the rows of W are changed; its state is kept a row. Default sgd, so that a learning rate means the same in every head.
   * Rows that a step does not touch stay as they are, weight decay and the averages of adam included, which counts the
   * steps of each row.
   */
  optimizer?: Optimizer
}

export interface ApplyOptions {
  /** At least 0. */
  learningRate: number
  /**
   * w >= 0, learningRate * w < 1: W becomes (1 - learningRate * w) W - learningRate * dLoss/dW. Default 0. With another
   * optimiser than sgd its step takes the place of the gradient; a head that updates some rows a step decays those alone.
   */
  weightDecay?: number
  /** If the gradient's norm is larger, the head's update is scaled by clipNorm / gradNorm. Default: no limit. */
  clipNorm?: number
}

export interface StepResult {
  /** Mean over the minibatch. */
  loss: number
  /** Gradient of that mean for the hidden vectors, m * d. */
  dHidden: Float32Array
  /** Frobenius norm of the gradient of that mean for the weights (biases included). */
  gradNorm: number
}

export interface EvaluateOptions {
  /**
   * True: the loss that the head's own stands for, in O(D d) an example. BulkSoftmaxHead: the full softmax. For all other heads it is
   * what they evaluate anyway. Default false.
   */
  exact?: boolean
}

export interface Evaluation {
  loss: number
  /** One an example, m. */
  losses: Float64Array
}

export interface ForwardResult extends Evaluation {
  dHidden: Float32Array
  /** Makes the update this forward pass was the first half of. Once only, and only while the weights are the same. */
  apply(options: ApplyOptions): { gradNorm: number }
}

export interface TopKOptions {
  /**
   * False: the search of the head's own, which computes the outputs of some classes alone and may miss some of the best; where it
   * finds fewer than k classes, all are looked at. Heads without one refuse. Default true.
   */
  exact?: boolean
  /** With exact: false, of how many classes at most outputs are computed, k to numClasses. Default 1024, or k if that is more. */
  candidates?: number
}

export interface TopK {
  /** m * k class ids, best first, ties to the lower id. */
  classes: Int32Array
  /** m * k outputs o of those classes. */
  logits: Float32Array
}

/** An output layer with its loss, the caller's or its own: every head of this package can stand where another stands. */
export interface Head {
  readonly numClasses: number
  readonly hiddenSize: number
  readonly loss: Loss
  readonly bias: boolean
  readonly closed: boolean
  step(hidden: Float32Array, targets: Targets, options: ApplyOptions): StepResult
  stepAsync(hidden: Float32Array, targets: Targets, options: ApplyOptions): Promise<StepResult>
  forward(hidden: Float32Array, targets: Targets): ForwardResult
  evaluate(hidden: Float32Array, targets: Targets, options?: EvaluateOptions): Evaluation
  evaluateAsync(hidden: Float32Array, targets: Targets, options?: EvaluateOptions): Promise<Evaluation>
  logits(hidden: Float32Array, classes: Int32Array): Float32Array
  topK(hidden: Float32Array, k: number, options?: TopKOptions): TopK
  topKAsync(hidden: Float32Array, k: number, options?: TopKOptions): Promise<TopK>
  index(options?: IndexOptions): SearchIndex
  indexAsync(options?: IndexOptions): Promise<SearchIndex>
  rows(classes: Int32Array): Float32Array
  biases(classes: Int32Array): Float32Array
  diagnostics(): Record<string, number>
  save(folder: string, options?: SaveOptions): Promise<Saved>
  close(): void
  [Symbol.dispose](): void
}
