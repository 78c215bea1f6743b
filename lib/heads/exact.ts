import type { NativeHead } from '../binding.js'
import { type LoadOptions, loadHeadAs } from '../checkpoint/load-head.js'
import type { RowsState } from '../checkpoint/save.js'
import { readDistributed } from '../distributed/options.js'
import { rangeError } from '../errors.js'
import { BaseHead } from './base.js'
import { copyOptions, type Kind } from './given.js'
import { removeJournals } from './row-file.js'
import type { OwnOptions } from './spec.js'
import { defaultPolicy, mergePolicy, type StabilisationPolicy } from './stabilisation.js'
import { newRowFile, ReplacedRows, SavedRows } from './storage.js'
import { type HeadStorage, type ReadStorage, readStorage } from './storage-options.js'
import type { CommonOptions, HeadOptions } from './types.js'

/** What {@link ExactHead} and heads made from it have as an option. */
export interface FactoredOptions extends CommonOptions {
  /** Changes to how the factored weights are kept accurate; the defaults suit all but experiments. */
  policy?: Partial<StabilisationPolicy>
}

/**
 * Options of {@link ExactHead}.
 *
 * @category Options of heads
 */
export interface ExactHeadOptions extends HeadOptions, FactoredOptions {
  /** Where the rows of V are: in memory (the default), or in a file that may be larger than it. */
  storage?: HeadStorage
}

/**
 * Facts about an {@link ExactHead}.
 *
 * @category Steps and results
 */
export interface ExactDiagnostics extends Record<string, number> {
  /** Updates made. */
  steps: number
  /** Upper bound on the condition number of U. */
  condition: number
  /** Corrections ever written to the log. */
  logLength: number
  /** Those of them still held, for rows that have not seen them. */
  logEntriesHeld: number
  /** Rows of V that have not seen the newest corrections, estimated from a sample of 1,024. */
  rowsBehind: number
  /** Singular values of U brought back into their band. */
  corrections: number
  /** Directions that nearly singular steps have moved into the log at once. */
  denseEntries: number
  /** Bytes of weights, log included; pages of V that were never touched count although they cost nothing. */
  bytes: number
}

/**
 * Relative errors (Frobenius norm) against exact recomputation.
 *
 * @category Steps and results
 */
export interface Drift {
  /** Of Q = W^T W. */
  Q: number
  /** Of wbar, the sum of the rows of W. */
  wbar: number
  /** Of U^-T as the inverse of U^T: ||U^-T U^T - I|| / sqrt(d). */
  inverse: number
}

/** What heads share whose weights are factored, so that a step costs O(d^2) an example: the exact head and those made from it. */
export abstract class FactoredHead extends BaseHead {
  #policy

  /** `given`: a copy of the caller's. */
  protected constructor(kind: Kind, given: FactoredOptions, own: OwnOptions = {}) {
    const policy = (features: number) => {
      return mergePolicy(defaultPolicy(given.numClasses, features), given.policy ?? {})
    }
    super(kind, given, { ...own, policy })
    this.#policy = policy(this.hiddenSize + (this.bias ? 1 : 0))
  }

  /**
   * How the factored weights are kept accurate. Assign a whole or partial policy to change it from the next step on.
   *
   * @throws when assigned to: a TypeError or RangeError; WIDEHEAD_BUSY; WIDEHEAD_CLOSED
   */
  get policy(): StabilisationPolicy {
    const { stretch: _, ...policy } = this.#policy
    return policy
  }

  /** Changes what it names, from the next step on. */
  set policy(changes: Partial<StabilisationPolicy>) {
    const merged = mergePolicy(this.#policy, changes)
    this.idle().setPolicy(merged)
    this.#policy = merged
  }

  protected override recipe(): object {
    return { ...super.recipe(), policy: this.policy }
  }

  /** Cheap facts about the head's state: some microseconds, whatever D is. */
  override diagnostics(): ExactDiagnostics {
    return super.diagnostics() as ExactDiagnostics
  }

  /**
   * Recomputes Q, wbar and the inverse from W, O(D d^2), and tells how far those in use are off. Changes nothing.
   *
   * @throws WIDEHEAD_BUSY; WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY
   */
  drift(): Drift {
    return this.idle('drift', 'driftAsync').drift()
  }

  /** drift() on another thread, in its turn among asynchronous calls, as stepAsync(). */
  driftAsync(): Promise<Drift> {
    return this.inTurn((head) => head.driftAsync())
  }

  /**
   * Recomputes Q, wbar and U^-T from W and uses the results, O(D d^2). W itself keeps its values to rounding.
   *
   * @throws WIDEHEAD_BUSY; WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY
   */
  refresh(): void {
    this.idle('refresh', 'refreshAsync').refresh()
  }

  /** refresh() on another thread, in its turn among asynchronous calls, as stepAsync(). */
  refreshAsync(): Promise<void> {
    return this.inTurn((head) => head.refreshAsync())
  }

  /**
   * Brings all rows up to date with the corrections that they have not seen, O(D d^2) at most. After training, and until the next
   * step, topK() then reads them where they lie; else each call makes up for the rows that are behind (`rowsBehind` of
   * diagnostics()) once more. W keeps its values to rounding.
   *
   * @throws WIDEHEAD_BUSY; WIDEHEAD_CLOSED; WIDEHEAD_OUT_OF_MEMORY
   */
  catchUp(): void {
    this.idle('catchUp', 'catchUpAsync').catchUp()
  }

  /** catchUp() on another thread, in its turn among asynchronous calls, as stepAsync(). */
  catchUpAsync(): Promise<void> {
    return this.inTurn((head) => head.catchUpAsync())
  }
}

/**
 * The exact output layer for losses of the spherical family: loss, gradient and update of all D classes in O(d^2) an example
 * (Vincent, de Brebisson, Bouthillier, NIPS 2015; arXiv 1606.08061), at any learning rate, no step costing O(D). Its results are
 * those of {@link DenseHead} to float32 rounding.
 *
 * Updates are those of SGD, with weight decay and clipping by the global norm. It holds D * d floats and a log of about 5 % of
 * that.
 *
 * ```js
 * import { ExactHead, squaredError } from 'widehead'
 *
 * const head = new ExactHead({ numClasses: 100_000, hiddenSize: 64, loss: squaredError() })
 * const hidden = Float32Array.from({ length: 2 * 64 }, Math.random) // two examples
 * const { loss, dHidden } = head.step(hidden, Int32Array.of(7, 99_999), { learningRate: 0.1 })
 * head.close()
 * ```
 *
 * @category Heads
 */
export class ExactHead extends FactoredHead {
  readonly #storage: ReadStorage
  readonly #home: RowsState['home']

  /**
   * @param options its shape, its loss, and how accuracy is kept
   * @throws a TypeError or RangeError that names the option, the rule and the value received (WIDEHEAD_INVALID_TYPE,
   * WIDEHEAD_OUT_OF_RANGE, WIDEHEAD_DETACHED); WIDEHEAD_OUT_OF_MEMORY: the weights, 4 D d bytes and more, are not to be had
   */
  constructor(options: ExactHeadOptions) {
    const given = copyOptions('exact', options)
    // What load() and train pass is no plain object: a file is there already.
    const { storage: place } = given
    const storage = place instanceof SavedRows ? place.storage : readStorage(place)
    const isFile = storage.kind === 'file' || place instanceof SavedRows
    if (isFile && readDistributed(given.distributed)) {
      throw rangeError('distributed must be left out for rows in a file: they are for a head on one rank')
    }
    const rows = (numClasses: number, features: number) => {
      if (place instanceof SavedRows || place instanceof ReplacedRows) return place.native(numClasses, features)
      return storage.kind === 'file' ? newRowFile(storage, numClasses, features) : undefined
    }
    super('exact', given, { storage: rows, distributed: true })
    this.#storage = storage
    this.#home = { folder: place instanceof SavedRows ? place.home : undefined }
  }

  protected override recipe(): object {
    const storage = this.#storage.kind === 'file' ? this.#storage : undefined
    return { ...super.recipe(), storage }
  }

  protected override rowFile(head: NativeHead): RowsState | undefined {
    const storage = this.#storage
    if (storage.kind !== 'file') return undefined
    return {
      path: storage.path,
      home: this.#home,
      begin: () => head.beginGeneration(),
      flush: () => head.flushRows(),
      keep: (generations) => removeJournals(storage.path, head.keepJournals(generations)),
    }
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
  static load(folder: string, options?: LoadOptions): Promise<ExactHead> {
    return loadHeadAs(folder, 'exact', (_, own) => new ExactHead(own), options)
  }
}
