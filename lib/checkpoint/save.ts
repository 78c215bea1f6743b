// Saving a head, and with it the trunk below it and facts of the caller's, as one checkpoint of one moment.

import { join } from 'node:path'
import type { NativeFilePlan, NativeSnapshot, NativeTensor } from '../binding.js'
import { checkInteger, checkObject } from '../check.js'
import { typeError } from '../errors.js'
import { native } from '../native.js'
import type { Trunk } from '../trunk.js'
import { version } from '../version.js'
import { planFile } from './file-plan.js'
import { beginCheckpoint, discardCheckpoint, inTurn, publishCheckpoint, STATE_FILES } from './folder.js'
import { checkHome, forgetOlder, realFolder, rowFileNow, type SavedRowFile } from './row-files.js'
import { startWriting, type Writing } from './writing.js'

export const STATE_VERSION = 1

/** Heads and trunks have a method of this name: their state as it is now, and what it takes to make them again. */
export const STATE = Symbol('state')

/** Rows that are a file, which a checkpoint names and does not copy: native/exact/row_file.h. */
export interface RowsState {
  path: string
  /** The folder that its checkpoints are in, once there is one. */
  home: { folder: string | undefined }
  /** Names what they are now. */
  begin(): string
  /** Until that can be had from the disk. */
  flush(): Promise<void>
  /** The generations that checkpoints still name: what leads back beyond them may go. */
  keep(generations: readonly string[]): void
}

export interface State {
  snapshot(): NativeSnapshot
  /** Updates made. */
  step: number
  kind: string
  /** Options for the constructor, as JSON. */
  config: object
  /** What the constructor made of them: a version with other defaults must not go on from here. */
  resolved: object
  rows?: RowsState
}

/**
 * Options of {@link Head.save}.
 *
 * @category Checkpoints
 */
export interface SaveOptions {
  /** The trunk below the head, saved as it is at the same moment. */
  trunk?: Trunk
  /** What else is to be found again with `readCheckpoint`: anything JSON can hold. */
  facts?: Readonly<Record<string, unknown>>
  /**
   * Checkpoints that stay in the folder, this one included: at least 1. Those that are not of an earlier step were left behind when a head
   * went back to one before them, and go first. Default 2.
   */
  keep?: number
}

/**
 * A checkpoint that was written.
 *
 * @category Checkpoints
 */
export interface Saved {
  /** The folder of the checkpoint, from the root. */
  path: string
  /** Updates the head had made. */
  step: number
}

/** Where a checkpoint is made, and the name that it gets when it is whole. */
export interface Place {
  temporary: string
  name: string
}

/** The file of the rows that rank `rank` of `size` has. */
export function rowsFile(rank: number, size: number): string {
  return size === 1 ? STATE_FILES.rows : `head.rows.${rank}-of-${size}.safetensors`
}

/** What this rank writes of a checkpoint, as it is now: its rows, and the first one all that is the same everywhere. */
export function planCheckpoint(
  head: State,
  options: SaveOptions,
  { rank, size }: { rank: number; size: number } = { rank: 0, size: 1 },
): Plan {
  checkObject('options', options)
  const keep = checkInteger('keep', options.keep ?? 2, 1, 1e6)
  const facts = asJson('facts', options.facts ?? {})
  const trunk = rank === 0 ? options.trunk?.[STATE]() : undefined
  const taken = head.snapshot()
  const release = () => {
    // A head that is closed meanwhile must not stay until the collector comes: its file would be in use.
    for (const snapshot of [taken, takenTrunk]) if (snapshot) native.releaseSnapshot(snapshot.handle)
  }
  let takenTrunk: NativeSnapshot | undefined
  try {
    takenTrunk = trunk?.snapshot()
  } catch (error) {
    release()
    throw error
  }
  const common = { step: String(head.step), ...(size > 1 && { ranks: String(size) }) }
  const streamed = ({ streamed, replicated }: NativeTensor) => streamed && (rank === 0 || !replicated)
  const small = ({ streamed }: NativeTensor) => !streamed
  const start = (folder: string, temporary: string, rowFile?: SavedRowFile) => {
    const files: NativeFilePlan[] = []
    const add = (name: string, from: NativeSnapshot, includes: typeof small, about: Readonly<Record<string, string>>) =>
      files.push(planFile(join(temporary, name), from, includes, about))
    if (!rowFile) add(rowsFile(rank, size), taken, streamed, metadata(head, 'rows', common))
    if (rank === 0) {
      const elsewhere = rowFile && { rowFile: JSON.stringify(rowFile) }
      add(STATE_FILES.head, taken, small, metadata(head, 'head', { ...common, ...elsewhere, facts }))
    }
    if (trunk && takenTrunk) add(STATE_FILES.trunk, takenTrunk, streamed, metadata(trunk, 'trunk', common))
    const { held, done } = startWriting(files, folder)
    return { held, done: done.finally(release) }
  }
  return { keep, start, release }
}

/** What was taken of the state, until it is written, or given up. */
export interface Plan {
  keep: number
  start(folder: string, temporary: string, rowFile?: SavedRowFile): Writing
  release(): void
}

/** Takes the state as it is now; `held` while it must not change. */
export function startSaving(
  folder: string,
  head: State,
  options: SaveOptions,
): Omit<Writing, 'done'> & { done: Promise<Saved> } {
  const plan = planCheckpoint(head, options)
  let temporary: string | undefined
  try {
    if (head.rows) checkHome(head.rows, folder)
    temporary = beginCheckpoint(folder, head.step)
    if (head.rows) head.rows.home.folder = realFolder(folder)
    const rowFile = head.rows && rowFileNow(head.rows, folder)
    const writing = plan.start(folder, temporary, rowFile)
    const done = Promise.all([writing.done, head.rows?.flush()]).then(() => {})
    return { held: writing.held, done: finish({ done }, folder, temporary, head.step, plan.keep, head.rows) }
  } catch (error) {
    plan.release()
    if (temporary !== undefined) void discardCheckpoint(temporary)
    throw error
  }
}

async function finish(
  { done }: Pick<Writing, 'done'>,
  folder: string,
  temporary: string,
  step: number,
  keep: number,
  rows: RowsState | undefined,
): Promise<Saved> {
  done.catch(() => {}) // it may fail before its turn comes
  return inTurn(folder, async () => {
    try {
      await done
      const path = await publishCheckpoint(folder, temporary, step, keep)
      if (rows) await forgetOlder(rows, folder).catch(() => {}) // what is still there goes next time
      return { path, step }
    } catch (error) {
      await discardCheckpoint(temporary)
      throw error
    }
  })
}

function metadata({ kind, config, resolved }: State, content: string, more: Readonly<Record<string, string>>) {
  return {
    format: 'widehead state',
    formatVersion: String(STATE_VERSION),
    widehead: version,
    content,
    kind,
    config: JSON.stringify(config),
    resolved: JSON.stringify(resolved),
    ...more,
  }
}

function asJson(name: string, value: unknown): string {
  checkObject(name, value)
  try {
    return JSON.stringify(value)
  } catch (error) {
    throw typeError(`${name} must be what JSON can hold: ${(error as Error).message}`)
  }
}
