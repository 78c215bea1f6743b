// What the addon exports, as the facade sees it. Types and lengths are checked before these are called.

import type { CommunicatorBinding } from './distributed/binding.js'
import type { IndexBinding, NativeIndex, NativeIndexOptions } from './index-binding.js'
import type { NativeRowFile, NativeState, StateBinding } from './state-binding.js'
import type { TrunkBinding } from './trunk-binding.js'

export type { NativeFilePlan, NativeRowFile, NativeSnapshot, NativeState, NativeTensor } from './state-binding.js'

/** Stages of a pass; they add up. */
export const SCORE = 1
export const DIFFERENTIATE = 2
export const APPLY = 4
/** With SCORE alone: the loss in full, where evaluate() has another one. */
export const EXACTLY = 8

/** Places of a pass's numbers, the array that it shares with the addon; a gradient of up to SMALL floats follows them. */
export const STAGES = 0
export const LEARNING_RATE = 1
export const WEIGHT_DECAY = 2
export const CLIP_NORM = 3
export const LOSS = 4
export const GRAD_NORM = 5
export const NUMBERS = 6
export const SMALL = 16

export type Ids = Int32Array | Uint32Array

export interface NativePass {
  readonly pass: unique symbol
}

export interface NativePolicy {
  lo: number
  singular: number
  lookEvery: number
  polishColumns: number
  sweepRows: number
  stretch: number
}

type Search<Result> = (
  classes: Int32Array,
  logits: Float32Array,
  hidden: Float32Array,
  k: number,
  square: boolean,
  candidates: number,
) => Result

export interface NativeHead extends NativeState {
  /** `holder` is the only one that uses the pass: once it is forgotten, another pass may take over the buffers. */
  newPass(numbers: Float64Array, holder: object): NativePass
  /** Targets of a scored pass, and its examples, both with those of other ranks. */
  sizes(pass: NativePass): number
  examples(pass: NativePass): number
  /** `losses` are those of this rank's examples. */
  readLoss(pass: NativePass, to: { [array: string]: Float64Array | Uint32Array | Float32Array }): void
  writeLoss(
    pass: NativePass,
    from: { losses: Float64Array; gq: Float64Array; gs: Float64Array; ga: Float64Array },
  ): void
  logits(out: Float32Array, hidden: Float32Array, classes: Int32Array): void
  /** With candidates above 0 by the head's own search among as many. */
  topK: Search<void>
  topKAsync: Search<Promise<void>>
  rows(out: Float32Array, classes: Int32Array): void
  /** These are calls of all ranks together, where there are several. */
  rowsAsync(out: Float32Array, classes: Int32Array): Promise<void>
  logitsAsync(out: Float32Array, hidden: Float32Array, classes: Int32Array): Promise<void>
  meetAsync(what: string): Promise<void>
  driftAsync(): Promise<{ Q: number; wbar: number; inverse: number }>
  refreshAsync(): Promise<void>
  catchUpAsync(): Promise<void>
  diagnostics(): Record<string, number>
  drift(): { Q: number; wbar: number; inverse: number }
  refresh(): void
  catchUp(): void
  /** Of a head whose rows are a file: names what they are now. */
  beginGeneration(): string
  /** Until what the newest generation is can be had from the disk. */
  flushRows(): Promise<void>
  /** Forgets how to go back to generations before the oldest of these; returns those that journals lead to. */
  keepJournals(generations: readonly string[]): string[]
  index(options: NativeIndexOptions): NativeIndex
  indexAsync(options: NativeIndexOptions): Promise<NativeIndex>
  setPolicy(policy: NativePolicy): void
  close(): void
}

export interface NativeHeadSpec {
  kind: string
  numClasses: number
  hiddenSize: number
  bias: boolean
  seed: number
  init: { kind: string; scale?: number; weights?: Float32Array; biases?: Float32Array }
  loss: string | null
  parameters: Readonly<Record<string, number>>
  policy?: NativePolicy
  /** What only this kind of head has; its line in heads.inc reads it. */
  options?: object
  /** The handle of a communicator of several ranks, and in words what must be the same on all. */
  comm?: unknown
  recipe?: string
  storage?: NativeRowFile
}

/**
 * Runs the stages that the pass's numbers name. Without dHidden, the gradient goes behind the numbers; with fewer than five
 * arguments, `indices` is one class an example.
 */
type Run<Result> = (
  pass: NativePass,
  hidden?: Float32Array | null,
  indices?: Ids | null,
  dHidden?: Float32Array | null,
  indptr?: Ids,
  values?: Float32Array | null,
) => Result

export interface NativeBinding extends TrunkBinding, StateBinding, IndexBinding, CommunicatorBinding {
  Head: new (spec: NativeHeadSpec) => NativeHead
  run: Run<void>
  runAsync: Run<Promise<void>>
  isa(): string
  supportedIsas(): string[]
  threads(): number
  setThreads(count: number): void
  losses(): Record<string, string[]>
}
