// What all heads share: checks, one native call, results. A head of its own adds its constructor and what only it can do.

import { APPLY, DIFFERENTIATE, type NativeHead, type NativePolicy, SCORE } from '../binding.js'
import { allocate, checkArray, checkBoolean, checkHidden, checkInteger, checkObject } from '../check.js'
import { typed, WideheadError } from '../errors.js'
import type { Loss } from '../losses.js'
import { native } from '../native.js'
import { type IndexOptions, indexHead, type SearchIndex } from '../search-index.js'
import { fillCustomLoss } from './custom-loss.js'
import { type Rates, readInit, readLoss, readRates, readSearch } from './options.js'
import { type Minibatch, Pass } from './pass.js'
import { copyTargets, readTargets } from './targets.js'
import type {
  ApplyOptions,
  CommonOptions,
  Evaluation,
  ForwardResult,
  Head,
  HeadOptions,
  StepResult,
  Targets,
  TopK,
  TopKOptions,
} from './types.js'

/** What one kind of head adds to the options that all have. */
interface OwnOptions {
  /** Its own loss, if it takes no other. */
  loss?: Loss
  policy?: (features: number) => NativePolicy
  /** Called once the options that all heads have are checked. */
  options?: (numClasses: number) => object
}

export abstract class BaseHead implements Head {
  readonly numClasses: number
  readonly hiddenSize: number
  readonly loss: Loss
  readonly bias: boolean

  // Undefined once closed.
  #native: NativeHead | undefined
  // One pass is used again and again, so that its buffers are made once: a pass that nobody collects yet may be large.
  #pass: Pass | undefined
  // Calls that have not ended (asynchronous steps, or one with a custom loss), and the last asynchronous one.
  #pending = 0
  #tail: Promise<unknown> = Promise.resolve()

  protected constructor(kind: string, options: CommonOptions, own: OwnOptions = {}) {
    checkObject('options', options)
    this.numClasses = checkInteger('numClasses', options.numClasses, 1, 0x7fffffff)
    this.hiddenSize = checkInteger('hiddenSize', options.hiddenSize, 1, 65536)
    this.bias = checkBoolean('bias', options.bias ?? false)
    this.loss = readLoss((options as Partial<HeadOptions>).loss, own.loss)
    this.#native = new native.Head({
      kind,
      numClasses: this.numClasses,
      hiddenSize: this.hiddenSize,
      bias: this.bias,
      seed: checkInteger('seed', options.seed ?? 0, 0, Number.MAX_SAFE_INTEGER),
      init: readInit(options.init ?? this.loss.defaultInit, this.numClasses, this.hiddenSize, this.bias),
      loss: this.loss.compute || own.loss ? null : this.loss.name,
      parameters: this.loss.parameters,
      policy: own.policy?.(this.hiddenSize + (this.bias ? 1 : 0)),
      options: own.options?.(this.numClasses),
    })
  }

  get closed(): boolean {
    return this.#native === undefined
  }

  /**
   * One step of stochastic gradient descent: loss and gradients of the minibatch's mean at the weights before the step,
   * then the update of the weights. On any error the weights are what they were.
   */
  step(hidden: Float32Array, targets: Targets, options: ApplyOptions): StepResult {
    const head = this.idle()
    const rates = readRates(options)
    const batch = this.#readBatch(hidden, targets)
    this.#pending++
    try {
      const pass = (this.#pass ??= new Pass(head))
      const dHidden = this.#compute(head, pass, batch, rates)
      return { loss: pass.loss, dHidden, gradNorm: pass.gradNorm }
    } catch (error) {
      throw typed(error)
    } finally {
      this.#letGo(head)
    }
  }

  /**
   * step() on another thread. Calls run in the order in which they were made; arguments are checked and copied before this
   * returns. Synchronous calls fail with WIDEHEAD_BUSY until all are done. A step that fails leaves the weights as they were and
   * does not keep the next one from running.
   */
  stepAsync(hidden: Float32Array, targets: Targets, options: ApplyOptions): Promise<StepResult> {
    let batch: Minibatch
    let rates: Rates
    const head = this.#native
    try {
      if (!head) throw closedError()
      rates = readRates(options)
      batch = this.#readBatch(hidden, targets)
      batch = { m: batch.m, hidden: batch.hidden.slice(), targets: copyTargets(batch.targets) }
    } catch (error) {
      return Promise.reject(error)
    }
    this.#pending++
    const done = this.#tail.then(() => this.#stepInTurn(head, batch, rates))
    this.#tail = done.catch(() => {})
    return done
  }

  async #stepInTurn(head: NativeHead, batch: Minibatch, rates: Rates): Promise<StepResult> {
    try {
      const pass = (this.#pass ??= new Pass(head))
      if (!this.loss.compute) {
        const dHidden = await pass.runAsync(SCORE | DIFFERENTIATE | APPLY, batch, rates)
        return { loss: pass.loss, dHidden, gradNorm: pass.gradNorm }
      }
      await pass.runAsync(SCORE, batch)
      fillCustomLoss(head, pass.native, batch.m, this.numClasses, this.loss.compute)
      const dHidden = await pass.runAsync(DIFFERENTIATE | APPLY, batch, rates)
      return { loss: pass.loss, dHidden, gradNorm: pass.gradNorm }
    } catch (error) {
      throw typed(error)
    } finally {
      this.#letGo(head)
    }
  }

  /** The first half of step(); nothing changes until `apply` is called. */
  forward(hidden: Float32Array, targets: Targets): ForwardResult {
    const head = this.idle()
    const batch = this.#readBatch(hidden, targets)
    const losses = new Float64Array(batch.m)
    this.#pending++
    try {
      // The pass is this call's own until it is applied: other passes may come before.
      const pass = this.#pass ?? new Pass(head)
      this.#pass = undefined
      const dHidden = this.#compute(head, pass, batch)
      head.readLoss(pass.native, { losses })
      return { loss: pass.loss, losses, dHidden, apply: this.#applier(pass) }
    } catch (error) {
      throw typed(error)
    } finally {
      this.#letGo(head)
    }
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

  /** The loss alone; nothing changes. */
  evaluate(hidden: Float32Array, targets: Targets): Evaluation {
    const head = this.idle()
    const batch = this.#readBatch(hidden, targets)
    const losses = new Float64Array(batch.m)
    this.#pending++
    try {
      const pass = (this.#pass ??= new Pass(head))
      this.#score(head, pass, batch)
      head.readLoss(pass.native, { losses })
      return { loss: losses.reduce((sum, value) => sum + value / batch.m, 0), losses }
    } catch (error) {
      throw typed(error)
    } finally {
      this.#letGo(head)
    }
  }

  /** The outputs o of n classes for each of m hidden vectors: m * n, row-major. */
  logits(hidden: Float32Array, classes: Int32Array): Float32Array {
    const head = this.idle()
    const m = checkHidden(hidden, this.hiddenSize)
    checkArray('classes', classes, Int32Array)
    const out = allocate('logits', m * classes.length)
    head.logits(out, hidden, classes)
    return out
  }

  /**
   * The k classes with the highest outputs (the highest squares if loss.ranking is 'square') of all D for each of m
   * hidden vectors: exact, O(m D d), in blocks, unless `exact` is false.
   */
  topK(hidden: Float32Array, k: number, options: TopKOptions = {}): TopK {
    const head = this.idle()
    const m = checkHidden(hidden, this.hiddenSize)
    checkInteger('k', k, 1, this.numClasses)
    const candidates = readSearch(options, k, this.numClasses)
    const logits = allocate('topK', m * k)
    const classes = new Int32Array(logits.length)
    head.topK(classes, logits, hidden, k, this.loss.ranking === 'square', candidates)
    return { classes, logits }
  }

  /** An index for approximate topK over a copy of W as it is now: a million rows of 128 numbers take some 20 s on two cores. */
  index(options: IndexOptions = {}): SearchIndex {
    return indexHead(this.idle(), this, options)
  }

  /** Rows of W, n * d, without biases. */
  rows(classes: Int32Array): Float32Array {
    const d = this.hiddenSize
    const all = this.#rowsWithBias(classes)
    if (!this.bias) return all
    const rows = new Float32Array(classes.length * d)
    for (let i = 0; i < classes.length; i++) rows.set(all.subarray(i * (d + 1), i * (d + 1) + d), i * d)
    return rows
  }

  /** Biases of n classes; zeros if the head has none. */
  biases(classes: Int32Array): Float32Array {
    const all = this.#rowsWithBias(classes)
    const features = this.hiddenSize + 1
    return Float32Array.from(classes, (_, i) => (this.bias ? all[i * features + this.hiddenSize] : 0))
  }

  /** Cheap facts about the head's state; `steps` counts the updates made. */
  diagnostics(): Record<string, number> {
    return this.idle().diagnostics()
  }

  /** Frees the weights. Asynchronous steps on their way still end; every later call fails with WIDEHEAD_CLOSED. */
  close(): void {
    const head = this.#native
    this.#native = undefined
    this.#pass = undefined
    if (this.#pending === 0) head?.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** The native head, when it may be called. */
  protected idle(): NativeHead {
    if (!this.#native) throw closedError()
    if (this.#pending > 0) {
      throw new WideheadError(
        'WIDEHEAD_BUSY',
        'the head is busy: await its asynchronous steps first, and leave it alone while its custom loss runs',
      )
    }
    return this.#native
  }

  // While a custom loss runs, the head counts as busy (#pending), because that code of the caller's may call it or close it.

  /** A minibatch's dHidden, and with rates the update. */
  #compute(head: NativeHead, pass: Pass, batch: Minibatch, rates?: Rates): Float32Array {
    const rest = rates ? DIFFERENTIATE | APPLY : DIFFERENTIATE
    if (!this.loss.compute) return pass.run(SCORE | rest, batch, rates)
    this.#score(head, pass, batch)
    return pass.run(rest, batch, rates)
  }

  #score(head: NativeHead, pass: Pass, batch: Minibatch): void {
    pass.run(SCORE, batch)
    if (this.loss.compute) fillCustomLoss(head, pass.native, batch.m, this.numClasses, this.loss.compute)
  }

  #letGo(head: NativeHead): void {
    this.#pending--
    // close() left the release to the last call that was on its way.
    if (this.#pending === 0 && this.closed) head.close()
  }

  #rowsWithBias(classes: Int32Array): Float32Array {
    const head = this.idle()
    checkArray('classes', classes, Int32Array)
    const out = allocate('rows', classes.length * (this.hiddenSize + (this.bias ? 1 : 0)))
    head.rows(out, classes)
    return out
  }

  #readBatch(hidden: Float32Array, targets: Targets): Minibatch {
    const m = checkHidden(hidden, this.hiddenSize)
    const read = readTargets(targets, m)
    // Once more, because a getter among the targets is code of the caller's.
    if (read.indptr) checkHidden(hidden, this.hiddenSize)
    return { m, hidden, targets: read }
  }
}

function closedError(): WideheadError {
  return new WideheadError('WIDEHEAD_CLOSED', 'the head is closed')
}
