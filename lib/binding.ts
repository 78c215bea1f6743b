// What the addon exports, as the facade sees it. Types and lengths are checked before these are called.

import type { TrunkBinding } from './trunk-binding.js'

/** Stages of a pass; they add up. */
export const SCORE = 1
export const DIFFERENTIATE = 2
export const APPLY = 4

export type Ids = Int32Array | Uint32Array

/** (stages, pass, results, dHidden, learningRate, weightDecay, clipNorm, hidden, m, indptr, indices, values) */
export type JobArguments = [
  stages: number,
  pass: NativePass,
  results: Float64Array,
  dHidden?: Float32Array | null,
  learningRate?: number,
  weightDecay?: number,
  clipNorm?: number,
  hidden?: Float32Array,
  m?: number,
  indptr?: Ids | null,
  indices?: Ids,
  values?: Float32Array | null,
]

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

export interface NativeHead {
  newPass(): NativePass
  run(...job: JobArguments): void
  runAsync(...job: JobArguments): Promise<void>
  sizes(pass: NativePass): number
  readLoss(pass: NativePass, to: { [array: string]: Float64Array | Uint32Array | Float32Array }): void
  writeLoss(
    pass: NativePass,
    from: { losses: Float64Array; gq: Float64Array; gs: Float64Array; ga: Float64Array },
  ): void
  logits(out: Float32Array, hidden: Float32Array, m: number, classes: Int32Array): void
  topK(classes: Int32Array, logits: Float32Array, hidden: Float32Array, m: number, k: number, square: boolean): void
  rows(out: Float32Array, classes: Int32Array): void
  diagnostics(): Record<string, number>
  drift(): { Q: number; wbar: number; inverse: number }
  refresh(): void
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
}

export interface NativeBinding extends TrunkBinding {
  Head: new (spec: NativeHeadSpec) => NativeHead
  isa(): string
  supportedIsas(): string[]
  threads(): number
  setThreads(count: number): void
  losses(): Record<string, string[]>
}
