// What native/addon/snapshot.h and checkpoint_wrap.cc export: state on its way between the core and files.

export interface NativeTensor {
  name: string
  dtype: string
  shape: number[]
  /** It has a row a class or id, and lies where it is used; the others are small, and copies. */
  streamed: boolean
  /** Of a streamed one: several ranks all hold the whole of it, and the first saves it for them. */
  replicated: boolean
}

/** State as it is now. Streamed tensors are those of its owner: they change with it. */
export interface NativeSnapshot {
  handle: unknown
  tensors: NativeTensor[]
}

export interface NativeState {
  snapshot(): NativeSnapshot
  /**
   * Puts the small tensors back; the others, which are returned, are then to be filled. `relaid`: those were saved by another number of
   * ranks.
   */
  restore(
    given: readonly { name: string; dtype: string; shape: readonly number[]; data: Uint8Array }[],
    relaid: boolean,
  ): NativeTensor[]
  /** Bytes of tensor `number` of those that restore() returned, from `offset` on. */
  fill(number: number, offset: number, data: Uint8Array): void
  /** Whole rows of that tensor, from `row` on, as rank fromRank of fromSize saved them: those that are this rank's find their places. */
  fillRows(
    number: number,
    row: number,
    data: Uint8Array,
    fromRank: number,
    fromSize: number,
    rank: number,
    size: number,
  ): void
  /** Checks the whole. */
  restored(): void
}

export interface NativeFilePlan {
  /** Where there is no file yet. */
  path: string
  header: Uint8Array
  /** Where in the header the checksums go. */
  checksums: number
  /** A snapshot's handle and the number of the tensor, in the order of the file. */
  parts: [unknown, number][]
}

/** Rows of a head in a file: RowFileSpec of native/exact/row_file.h. */
export interface NativeRowFile {
  path: string
  /** Of a file to be made. */
  header: Uint8Array | undefined
  bytes: number
  stateAt: number
  rowsAt: number
  stampsAt: number
  /** Of one that is there: what the rows are to be. */
  generation: string
  private: boolean
  power: boolean
}

export interface StateBinding {
  /** Removes a file unless a head has it. */
  removeUnlocked(path: string): void
  /** Lets go of what a snapshot points to; no file is written from it any more. */
  releaseSnapshot(handle: unknown): void
  /** Writes files one after the other; the number of the system's error, 0 for none. */
  writeFiles(files: readonly NativeFilePlan[]): Promise<number>
  /** The same in a copy of the process: its number, or 0 where there is none to be had. */
  forkFiles(files: readonly NativeFilePlan[]): number
  /** How that ended: undefined while it runs, then as writeFiles(); -1 if it was killed. */
  pollWriter(process: number): number | undefined
}
