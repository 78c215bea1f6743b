// What all heads share: checks, one native call, results. A head of its own adds its constructor and what only it can do.

import { APPLY, DIFFERENTIATE, type NativeHead, SCORE } from '../binding.js'
import { allocate, checkArray, checkHidden, checkInteger } from '../check.js'
import { readDistributed } from '../distributed/options.js'
import { rangeError, typed, WideheadError } from '../errors.js'
import type { Loss } from '../losses.js'
import { type IndexOptions, readIndexOptions, SearchIndex } from '../search-index.js'
import { fillCustomLoss } from './custom-loss.js'
import type { ExactHeadOptions } from './exact.js'
import { copyOptions, type Kind } from './given.js'
import { HeadHandle, withoutArrays } from './handle.js'
import { type Rates, readEvaluation, readLoss, readRates, readSearch } from './options.js'
import { type Minibatch, Pass } from './pass.js'
import { biasesOf, weightsOf } from './row-parts.js'
import { type OwnOptions, readSpec } from './spec.js'
import { copyTargets, readTargets } from './targets.js'
import type {
  ApplyOptions,
  CommonOptions,
  EvaluateOptions,
  Evaluation,
  ForwardResult,
  Head,
  StepResult,
  Targets,
  TopK,
  TopKOptions,
} from './types.js'

/**
 * What all heads share; what its methods do is told in {@link Head}. Each of them reads its arguments before it takes the native head:
 * a getter among them is code of the caller's, which may close the head or start an asynchronous call.
 */
export abstract class BaseHead extends HeadHandle implements Head {
  /** D, the number of classes. */
  readonly numClasses: number
  /** d, the length of one hidden vector. */
  readonly hiddenSize: number
  /** The loss it was made with, or its own. */
  readonly loss: Loss
  /** Whether each class has a bias. */
  readonly bias: boolean
  readonly #recipe: object

  // One pass is used again and again, so that its buffers are made once: a pass that nobody collects yet may be large.
  #pass: Pass | undefined

  /** Heads that read options of their own give a copy of them, so that each is read once. */
  protected constructor(kind: Kind, options: CommonOptions, own: OwnOptions = {}) {
    const given: Partial<ExactHeadOptions> & CommonOptions = copyOptions(kind, options)
    const loss = readLoss(given.loss, own.loss)
    const spec = readSpec(kind, given, own, loss)
    super(spec, readDistributed(given.distributed))
    this.numClasses = spec.numClasses
    this.hiddenSize = spec.hiddenSize
    this.bias = spec.bias
    this.loss = loss
    const { init: _, distributed: __, storage: ___, ...others } = given
    const { name, parameters } = loss
    this.#recipe = withoutArrays({ ...others, loss: own.loss ? undefined : { name, parameters } })
  }

  step(hidden: Float32Array, targets: Targets, options: ApplyOptions): StepResult {
    const rates = readRates(options)
    const batch = this.#readBatch(hidden, targets)
    const head = this.idle('step', 'stepAsync')
    return this.busy(head, () => {
      const pass = (this.#pass ??= new Pass(head))
      const dHidden = this.#compute(head, pass, batch, rates)
      return { loss: pass.loss, dHidden, gradNorm: pass.gradNorm }
    })
  }

  async stepAsync(hidden: Float32Array, targets: Targets, options: ApplyOptions): Promise<StepResult> {
    this.open()
    const rates = readRates(options)
    const batch = this.#copyBatch(hidden, targets)
    return this.inTurn((head) => this.#stepNow(head, batch, rates))
  }

  async #stepNow(head: NativeHead, batch: Minibatch, rates: Rates): Promise<StepResult> {
    const pass = (this.#pass ??= new Pass(head))
    if (!this.loss.compute) {
      const dHidden = await pass.runAsync(SCORE | DIFFERENTIATE | APPLY, batch, rates)
      return { loss: pass.loss, dHidden, gradNorm: pass.gradNorm }
    }
    await pass.runAsync(SCORE, batch)
    this.#fillLoss(head, pass)
    const dHidden = await pass.runAsync(DIFFERENTIATE | APPLY, batch, rates)
    return { loss: pass.loss, dHidden, gradNorm: pass.gradNorm }
  }

  forward(hidden: Float32Array, targets: Targets): ForwardResult {
    const batch = this.#readBatch(hidden, targets)
    const head = this.idle('forward')
    const losses = new Float64Array(batch.m)
    return this.busy(head, () => {
      // The pass is this call's own until it is applied: other passes may come before.
      const pass = this.#pass ?? new Pass(head)
      this.#pass = undefined
      const dHidden = this.#compute(head, pass, batch)
      head.readLoss(pass.native, { losses })
      return { loss: pass.loss, losses, dHidden, apply: this.#applier(pass) }
    })
  }

  #applier(pass: Pass): ForwardResult['apply'] {
    let applied = false
    return (options) => {
      const rates = readRates(options)
      this.idle()
      if (applied) throw new WideheadError('WIDEHEAD_STALE', 'apply() works once, and this forward pass was applied')
      try {
        pass.finish(APPLY, rates)
      } catch (error) {
        throw typed(error)
      }
      applied = true
      this.#pass = pass
      return { gradNorm: pass.gradNorm }
    }
  }

  evaluate(hidden: Float32Array, targets: Targets, options: EvaluateOptions = {}): Evaluation {
    const stages = readEvaluation(options)
    const batch = this.#readBatch(hidden, targets)
    const head = this.idle('evaluate', 'evaluateAsync')
    return this.busy(head, () => {
      const pass = (this.#pass ??= new Pass(head))
      this.#score(head, pass, batch, stages)
      return this.#lossesOf(head, pass, batch.m)
    })
  }

  async evaluateAsync(hidden: Float32Array, targets: Targets, options: EvaluateOptions = {}): Promise<Evaluation> {
    const stages = readEvaluation(options)
    const batch = this.#copyBatch(hidden, targets)
    return this.inTurn(async (head) => {
      const pass = (this.#pass ??= new Pass(head))
      await pass.runAsync(stages, batch)
      this.#fillLoss(head, pass)
      return this.#lossesOf(head, pass, batch.m)
    })
  }

  #lossesOf(head: NativeHead, pass: Pass, m: number): Evaluation {
    const losses = new Float64Array(m)
    const loss = new Float64Array(1)
    head.readLoss(pass.native, { losses, loss })
    return { loss: loss[0], losses }
  }

  logits(hidden: Float32Array, classes: Int32Array): Float32Array {
    const out = this.#roomForLogits(hidden, classes)
    const head = this.idle('logits', 'logitsAsync')
    head.logits(out, hidden, classes)
    return out
  }

  async logitsAsync(hidden: Float32Array, classes: Int32Array): Promise<Float32Array> {
    this.open()
    const out = this.#roomForLogits(hidden, classes)
    const [hiddenCopy, classesCopy] = [hidden.slice(), classes.slice()]
    return this.inTurn(async (head) => {
      await head.logitsAsync(out, hiddenCopy, classesCopy)
      return out
    })
  }

  #roomForLogits(hidden: Float32Array, classes: Int32Array): Float32Array {
    const m = this.#examplesOf(hidden)
    checkArray('classes', classes, Int32Array)
    return allocate('logits', m * classes.length)
  }

  topK(hidden: Float32Array, k: number, options: TopKOptions = {}): TopK {
    const { found, candidates } = this.#readSearch(hidden, k, options)
    const head = this.idle('topK', 'topKAsync')
    head.topK(found.classes, found.logits, hidden, k, this.loss.ranking === 'square', candidates)
    return found
  }

  async topKAsync(hidden: Float32Array, k: number, options: TopKOptions = {}): Promise<TopK> {
    this.open()
    const { found, candidates } = this.#readSearch(hidden, k, options)
    const copy = hidden.slice()
    return this.inTurn(async (head) => {
      await head.topKAsync(found.classes, found.logits, copy, k, this.loss.ranking === 'square', candidates)
      return found
    })
  }

  #readSearch(hidden: Float32Array, k: number, options: TopKOptions): { found: TopK; candidates: number } {
    checkInteger('k', k, 1, this.numClasses)
    const candidates = readSearch(options, k, this.numClasses)
    const m = this.#examplesOf(hidden)
    if (this.communicator && candidates > 0)
      throw rangeError('exact must be true or left out on several ranks, got false')
    const logits = allocate('topK', m * k)
    return { found: { classes: new Int32Array(logits.length), logits }, candidates }
  }

  index(options: IndexOptions = {}): SearchIndex {
    const read = readIndexOptions(this, options)
    return new SearchIndex(this.idle('index').index(read), this.numClasses, this.hiddenSize)
  }

  async indexAsync(options: IndexOptions = {}): Promise<SearchIndex> {
    if (this.communicator) this.idle('indexAsync')
    this.open()
    const read = readIndexOptions(this, options)
    return this.inTurn(async (head) => new SearchIndex(await head.indexAsync(read), this.numClasses, this.hiddenSize))
  }

  rows(classes: Int32Array): Float32Array {
    const all = this.#roomForRows(classes)
    const head = this.idle('rows', 'rowsAsync')
    head.rows(all, classes)
    return weightsOf(all, this)
  }

  async rowsAsync(classes: Int32Array): Promise<Float32Array> {
    return weightsOf(await this.#rowsInTurn(classes), this)
  }

  biases(classes: Int32Array): Float32Array {
    const all = this.#roomForRows(classes)
    const head = this.idle('biases', 'biasesAsync')
    head.rows(all, classes)
    return biasesOf(all, this)
  }

  async biasesAsync(classes: Int32Array): Promise<Float32Array> {
    return biasesOf(await this.#rowsInTurn(classes), this)
  }

  async #rowsInTurn(classes: Int32Array): Promise<Float32Array> {
    this.open()
    const all = this.#roomForRows(classes)
    const copy = classes.slice()
    return this.inTurn(async (head) => {
      await head.rowsAsync(all, copy)
      return all
    })
  }

  #roomForRows(classes: Int32Array): Float32Array {
    checkArray('classes', classes, Int32Array)
    return allocate('rows', classes.length * (this.hiddenSize + (this.bias ? 1 : 0)))
  }

  diagnostics(): Record<string, number> {
    return this.idle().diagnostics()
  }

  /** {@inheritDoc Head.close} */
  override close(): void {
    this.#pass = undefined
    super.close()
  }

  protected recipe(): object {
    return this.#recipe
  }

  /** A minibatch's dHidden, and with rates the update. */
  #compute(head: NativeHead, pass: Pass, batch: Minibatch, rates?: Rates): Float32Array {
    const rest = rates ? DIFFERENTIATE | APPLY : DIFFERENTIATE
    if (!this.loss.compute) return pass.run(SCORE | rest, batch, rates)
    this.#score(head, pass, batch)
    return pass.run(rest, batch, rates)
  }

  #score(head: NativeHead, pass: Pass, batch: Minibatch, stages = SCORE): void {
    pass.run(stages, batch)
    this.#fillLoss(head, pass)
  }

  #fillLoss(head: NativeHead, pass: Pass): void {
    if (this.loss.compute) fillCustomLoss(head, pass.native, this.numClasses, this.loss.compute)
  }

  /** m; a rank among others may have no example. */
  #examplesOf(hidden: Float32Array): number {
    return checkHidden(hidden, this.hiddenSize, this.communicator ? 0 : 1)
  }

  /** For asynchronous calls: what the caller does with the arrays afterwards does not matter. */
  #copyBatch(hidden: Float32Array, targets: Targets): Minibatch {
    this.open()
    const batch = this.#readBatch(hidden, targets)
    return { m: batch.m, hidden: batch.hidden.slice(), targets: copyTargets(batch.targets) }
  }

  #readBatch(hidden: Float32Array, targets: Targets): Minibatch {
    const m = this.#examplesOf(hidden)
    const read = readTargets(targets, m)
    // Once more, because a getter among the targets is code of the caller's.
    if (read.indptr) this.#examplesOf(hidden)
    return { m, hidden, targets: read }
  }
}
