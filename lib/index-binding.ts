// What the addon exports of search indexes. Types and lengths are checked before these are called.

export interface NativeIndex {
  readonly index: unique symbol
}

export interface NativeIndexOptions {
  cells: number
  recall: number
  seed: number
  queries?: Float32Array
  square: boolean
}

export interface IndexBinding {
  /** With 0 probes: the default that was found when the index was made. */
  searchIndex(
    index: NativeIndex,
    classes: Int32Array,
    logits: Float32Array,
    hidden: Float32Array,
    k: number,
    probes: number,
    shortlist: number,
  ): void
  describeIndex(index: NativeIndex): { cells: number; lists: number; probes: number; bytes: number }
  closeIndex(index: NativeIndex): void
}
