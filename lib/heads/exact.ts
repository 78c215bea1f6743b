import { type LoadOptions, loadHeadAs } from '../checkpoint/load-head.js'
import { BaseHead } from './base.js'
import { defaultPolicy, mergePolicy, type StabilisationPolicy } from './stabilisation.js'
import type { HeadOptions } from './types.js'

export interface ExactHeadOptions extends HeadOptions {
  /** Changes to how the factored weights are kept accurate; the defaults suit all but experiments. */
  policy?: Partial<StabilisationPolicy>
}

/** Facts about an ExactHead. */
export interface ExactDiagnostics extends Record<string, number> {
  /** Updates made. */
  steps: number
  /** Upper bound on the condition number of U. */
  condition: number
  /** Corrections ever written to the log, and those still held for rows that have not seen them. */
  logLength: number
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

/** Relative errors (Frobenius norm) against exact recomputation. */
export interface Drift {
  /** Of Q = W^T W. */
  Q: number
  /** Of wbar, the sum of the rows of W. */
  wbar: number
  /** Of U^-T as the inverse of U^T: ||U^-T U^T - I|| / sqrt(d). */
  inverse: number
}

/**
 * The exact output layer for losses of the spherical family: loss, gradient and update of all D classes in O(d^2) an example
 * (Vincent, de Brebisson, Bouthillier, NIPS 2015; arXiv 1606.08061), at any learning rate, no step costing O(D).
 */
export class ExactHead extends BaseHead {
  #policy

  constructor(options: ExactHeadOptions) {
    const policy = (features: number) => {
      const { policy: changes } = options
      return mergePolicy(defaultPolicy(options.numClasses, features), changes ?? {})
    }
    super('exact', options, { policy })
    this.#policy = policy(this.hiddenSize + (this.bias ? 1 : 0))
  }

  /** A head as it was saved in `folder`, by `save` or `widehead train`. Errors: WIDEHEAD_FILE. */
  static load(folder: string, options?: LoadOptions): Promise<ExactHead> {
    return loadHeadAs(folder, 'exact', (_, own) => new ExactHead(own), options)
  }

  /** How the factored weights are kept accurate. Assign a whole or partial policy to change it from the next step on. */
  get policy(): StabilisationPolicy {
    const { stretch: _, ...policy } = this.#policy
    return policy
  }

  set policy(changes: Partial<StabilisationPolicy>) {
    const merged = mergePolicy(this.#policy, changes)
    this.idle().setPolicy(merged)
    this.#policy = merged
  }

  protected override recipe(): object {
    return { ...super.recipe(), policy: this.policy }
  }

  override diagnostics(): ExactDiagnostics {
    return super.diagnostics() as ExactDiagnostics
  }

  /** Recomputes Q, wbar and the inverse from W, O(D d^2), and tells how far those in use are off. Changes nothing. */
  drift(): Drift {
    return this.idle().drift()
  }

  /** Recomputes Q, wbar and U^-T from W and uses the results, O(D d^2). W itself keeps its values to rounding. */
  refresh(): void {
    this.idle().refresh()
  }
}
