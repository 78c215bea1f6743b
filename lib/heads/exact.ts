import { type LoadOptions, loadHeadAs } from '../checkpoint/load-head.js'
import { BaseHead } from './base.js'
import type { OwnOptions } from './spec.js'
import { defaultPolicy, mergePolicy, type StabilisationPolicy } from './stabilisation.js'
import type { CommonOptions, HeadOptions } from './types.js'

export interface FactoredOptions extends CommonOptions {
  /** Changes to how the factored weights are kept accurate; the defaults suit all but experiments. */
  policy?: Partial<StabilisationPolicy>
}

export interface ExactHeadOptions extends HeadOptions, FactoredOptions {}

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

/** What heads share whose weights are factored, so that a step costs O(d^2) an example: the exact head and those made from it. */
export abstract class FactoredHead extends BaseHead {
  #policy

  protected constructor(kind: string, options: FactoredOptions, own: OwnOptions = {}) {
    const policy = (features: number) => {
      const { policy: changes } = options
      return mergePolicy(defaultPolicy(options.numClasses, features), changes ?? {})
    }
    super(kind, options, { ...own, policy })
    this.#policy = policy(this.hiddenSize + (this.bias ? 1 : 0))
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

  /**
   * Brings all rows up to date with the corrections that they have not seen, O(D d^2) at most. After training, and until the next
   * step, topK() then reads them where they lie; else each call makes up for the rows that are behind (`rowsBehind` of
   * diagnostics()) once more. W keeps its values to rounding.
   */
  catchUp(): void {
    this.idle().catchUp()
  }
}

/**
 * The exact output layer for losses of the spherical family: loss, gradient and update of all D classes in O(d^2) an example
 * (Vincent, de Brebisson, Bouthillier, NIPS 2015; arXiv 1606.08061), at any learning rate, no step costing O(D).
 */
export class ExactHead extends FactoredHead {
  constructor(options: ExactHeadOptions) {
    super('exact', options)
  }

  /** A head as it was saved in `folder`, by `save` or `widehead train`. Errors: WIDEHEAD_FILE. */
  static load(folder: string, options?: LoadOptions): Promise<ExactHead> {
    return loadHeadAs(folder, 'exact', (_, own) => new ExactHead(own), options)
  }
}
