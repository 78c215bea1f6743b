// The contract of every head: its calls, with what it is made from (head-options.ts) and what goes in and comes out (calls.ts).

import type { Saved, SaveOptions } from '../checkpoint/save.js'
import type { Loss } from '../losses.js'
import type { IndexOptions, SearchIndex } from '../search-index.js'
import type {
  ApplyOptions,
  EvaluateOptions,
  Evaluation,
  ForwardResult,
  StepResult,
  Targets,
  TopK,
  TopKOptions,
} from './calls.js'

export type * from './calls.js'
export type * from './head-options.js'

/**
 * An output layer with its loss, the caller's or its own: every head of this package can stand where another stands.
 *
 * m is the number of examples of a call, as many as `hidden` has vectors; d is `hiddenSize`, D is `numClasses`. Wrong arguments
 * throw a TypeError or RangeError (`WIDEHEAD_INVALID_TYPE`, `WIDEHEAD_OUT_OF_RANGE`, `WIDEHEAD_DETACHED`), in asynchronous calls as
 * a rejection. After any error the weights are what they were before the call.
 *
 * @category Heads
 */
export interface Head {
  /** D, the number of classes. */
  readonly numClasses: number
  /** d, the length of one hidden vector. */
  readonly hiddenSize: number
  /** The loss it was made with, or its own. */
  readonly loss: Loss
  /** Whether each class has a bias. */
  readonly bias: boolean
  /** True once {@link Head.close} was called. */
  readonly closed: boolean
  /**
   * One step of stochastic gradient descent: loss and gradients of the minibatch's mean at the weights before the step,
   * then the update of the weights.
   *
   * @param hidden m hidden vectors, m * d numbers, row-major, finite
   * @param targets the classes that are right for each example
   * @param options the learning rate, and what limits the update
   * @throws WIDEHEAD_LOSS: a loss or gradient is not finite (often too high a rate), or a custom loss misbehaved; WIDEHEAD_BUSY: an
   * asynchronous call is under way; WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY
   */
  step(hidden: Float32Array, targets: Targets, options: ApplyOptions): StepResult
  /**
   * step() on another thread. Calls run in the order in which they were made; arguments are checked and copied before this
   * returns. Synchronous calls fail with WIDEHEAD_BUSY until all are done. A step that fails leaves the weights as they were and
   * does not keep the next one from running.
   *
   * @param hidden as of step()
   * @param targets as of step()
   * @param options as of step()
   * @throws as step(), but for WIDEHEAD_BUSY, and as a rejection
   */
  stepAsync(hidden: Float32Array, targets: Targets, options: ApplyOptions): Promise<StepResult>
  /**
   * The first half of step(); nothing changes until `apply` of its result is called.
   *
   * @param hidden as of step()
   * @param targets as of step()
   * @throws as step()
   */
  forward(hidden: Float32Array, targets: Targets): ForwardResult
  /**
   * The loss alone; nothing changes. Heads whose step sees some classes only (sampled, wta, lsh) evaluate the full softmax, O(D d) an
   * example.
   *
   * @param hidden as of step()
   * @param targets as of step()
   * @param options which loss
   * @throws as step()
   */
  evaluate(hidden: Float32Array, targets: Targets, options?: EvaluateOptions): Evaluation
  /**
   * evaluate() on another thread, in its turn among asynchronous calls, as stepAsync().
   *
   * @param hidden as of step(); copied before this returns
   * @param targets as of step(); copied before this returns
   * @param options as of evaluate()
   * @throws as step(), but for WIDEHEAD_BUSY, and as a rejection
   */
  evaluateAsync(hidden: Float32Array, targets: Targets, options?: EvaluateOptions): Promise<Evaluation>
  /**
   * The outputs o of n classes for each of m hidden vectors: O(m n d).
   *
   * @param hidden m * d numbers, row-major, finite
   * @param classes n class ids, 0 to D - 1, the same one any number of times
   * @returns m * n outputs, row-major (biases included)
   * @throws WIDEHEAD_BUSY; WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY
   */
  logits(hidden: Float32Array, classes: Int32Array): Float32Array
  /**
   * The k classes with the highest outputs (the highest squares if loss.ranking is 'square') of all D for each of m
   * hidden vectors: exact, O(m D d), in blocks, unless `exact` is false.
   *
   * @param hidden m * d numbers, row-major, finite
   * @param k classes for each of them, 1 to D
   * @param options a search that is faster and not exact, of heads that have one
   * @throws WIDEHEAD_BUSY; WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY; a RangeError for exact: false if the head has no search
   */
  topK(hidden: Float32Array, k: number, options?: TopKOptions): TopK
  /**
   * topK() on another thread, in its turn among asynchronous calls, as stepAsync().
   *
   * @param hidden as of topK(); copied before this returns
   * @param k as of topK()
   * @param options as of topK()
   * @throws as topK(), but for WIDEHEAD_BUSY, and as a rejection
   */
  topKAsync(hidden: Float32Array, k: number, options?: TopKOptions): Promise<TopK>
  /**
   * An index for approximate topK over a copy of W as it is now: a million rows of 128 numbers take some 20 s on two cores, and
   * (4.5 d + 8) bytes a class.
   *
   * @param options how exact its searches are to be, and like what they will be
   * @throws WIDEHEAD_BUSY; WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY; a RangeError from {@link HierarchicalSoftmaxHead}, which has no
   * row a class
   */
  index(options?: IndexOptions): SearchIndex
  /**
   * index() on another thread, in its turn among asynchronous calls, as stepAsync().
   *
   * @param options as of index()
   * @throws as index(), but for WIDEHEAD_BUSY, and as a rejection
   */
  indexAsync(options?: IndexOptions): Promise<SearchIndex>
  /**
   * logits() on another thread, in its turn among asynchronous calls, as stepAsync().
   *
   * @param hidden as of logits(); copied before this returns
   * @param classes as of logits(); copied before this returns
   * @throws as logits(), but for WIDEHEAD_BUSY, and as a rejection
   */
  logitsAsync(hidden: Float32Array, classes: Int32Array): Promise<Float32Array>
  /**
   * Copies of rows of W, without biases: O(n d), for an exact head O(n d^2) where they are behind its log.
   *
   * @param classes n class ids, 0 to D - 1
   * @returns n * d numbers, row-major
   * @throws WIDEHEAD_BUSY; WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY
   */
  rows(classes: Int32Array): Float32Array
  /**
   * rows() on another thread, in its turn among asynchronous calls, as stepAsync().
   *
   * @param classes as of rows(); copied before this returns
   * @throws as rows(), but for WIDEHEAD_BUSY, and as a rejection
   */
  rowsAsync(classes: Int32Array): Promise<Float32Array>
  /**
   * Biases of n classes; zeros if the head has none.
   *
   * @param classes n class ids, 0 to D - 1
   * @returns n numbers
   * @throws WIDEHEAD_BUSY; WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY
   */
  biases(classes: Int32Array): Float32Array
  /**
   * biases() on another thread, in its turn among asynchronous calls, as stepAsync().
   *
   * @param classes as of biases(); copied before this returns
   * @throws as biases(), but for WIDEHEAD_BUSY, and as a rejection
   */
  biasesAsync(classes: Int32Array): Promise<Float32Array>
  /**
   * Cheap facts about the head's state. All have `steps`, the updates made, and `bytes`, the memory of weights and what belongs to
   * them; {@link ExactDiagnostics} lists those of the exact head.
   *
   * @throws WIDEHEAD_BUSY; WIDEHEAD_CLOSED
   */
  diagnostics(): Record<string, number>
  /**
   * Saves everything that later steps depend on as a checkpoint in `folder` (made if it is not there): a head that is loaded from it
   * goes on bit for bit as this one would. Steps that were asked for before are in it, later ones are not, and need not wait: a
   * copy of the process writes what is now, at the cost of the pages that change meanwhile. (On Windows, and where there is no memory
   * for a copy, asynchronous steps wait until all is written, and synchronous ones are refused: WIDEHEAD_BUSY.) A checkpoint is whole
   * or not there: a crash, a full disk or a kill leaves the last one as it was. Of several ranks a call that all make, with a
   * folder that all can reach: each writes its own rows; what one rank cannot save, none does (WIDEHEAD_DISTRIBUTED), and a second save,
   * with what comes after it, waits for the first. Rejects with WIDEHEAD_FILE if it cannot be written, and with WIDEHEAD_CLOSED. Of rows in
   * a file, a second folder is refused (WIDEHEAD_OUT_OF_RANGE) while there are checkpoints in the first.
   *
   * @param folder where checkpoints lie, each in a folder of its own; if relative, to the working directory as it is now
   * @param options what is saved with it, and how many stay
   */
  save(folder: string, options?: SaveOptions): Promise<Saved>
  /** Frees the weights. Asynchronous calls on their way still end; every later call but this one fails with WIDEHEAD_CLOSED. */
  close(): void
  /** close(), for `using head = ...`. */
  [Symbol.dispose](): void
}
