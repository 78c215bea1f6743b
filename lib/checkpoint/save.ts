// Saving a head, and with it the trunk below it and facts of the caller's, as one checkpoint of one moment.

import { join, relative, resolve } from 'node:path'
import type { NativeSnapshot, NativeTensor } from '../binding.js'
import { checkInteger, checkObject } from '../check.js'
import { typeError } from '../errors.js'
import { SafetensorsFile } from '../files/safetensors-reader.js'
import { native } from '../native.js'
import type { Trunk } from '../trunk.js'
import { version } from '../version.js'
import { planFile } from './file-plan.js'
import { beginCheckpoint, checkpointsIn, discardCheckpoint, inTurn, publishCheckpoint } from './folder.js'
import { startWriting, type Writing } from './writing.js'

export const STATE_VERSION = 1

/** Files of a checkpoint. The head's small arrays lie apart from those that have a row a class, which may be a file elsewhere. */
export const STATE_FILES = {
  head: 'head.safetensors',
  rows: 'head.rows.safetensors',
  trunk: 'trunk.safetensors',
} as const

/** Heads and trunks have a method of this name: their state as it is now, and what it takes to make them again. */
export const STATE = Symbol('state')

/** Rows that are a file, which a checkpoint names and does not copy: native/exact/row_file.h. */
export interface RowsState {
  path: string
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
  /** Checkpoints that stay in the folder, this one included: at least 1. Default 2. */
  keep?: number
}

/**
 * A checkpoint that was written.
 *
 * @category Checkpoints
 */
export interface Saved {
  /** The folder of the checkpoint. */
  path: string
  /** Updates the head had made. */
  step: number
}

/** Takes the state as it is now; `held` while it must not change. */
export function startSaving(
  folder: string,
  head: State,
  options: SaveOptions,
): Omit<Writing, 'done'> & { done: Promise<Saved> } {
  const keep = checkInteger('keep', options.keep ?? 2, 1, 1e6)
  const trunk = options.trunk?.[STATE]()
  const facts = asJson('facts', options.facts ?? {})
  const common = { step: String(head.step) }
  const rowFile = head.rows && { rowFile: JSON.stringify(rowFileNow(head.rows, folder)) }
  const temporary = beginCheckpoint(folder, head.step)
  const path = (name: keyof typeof STATE_FILES) => join(temporary, STATE_FILES[name])
  const streamed = ({ streamed }: NativeTensor) => streamed
  const small = ({ streamed }: NativeTensor) => !streamed
  const taken = head.snapshot()
  const takenTrunk = trunk?.snapshot()
  const files = [
    ...(rowFile ? [] : [planFile(path('rows'), taken, streamed, metadata(head, 'rows', common))]),
    planFile(path('head'), taken, small, metadata(head, 'head', { ...common, ...rowFile, facts })),
    ...(trunk && takenTrunk ? [planFile(path('trunk'), takenTrunk, streamed, metadata(trunk, 'trunk', common))] : []),
  ]
  const writing = startWriting(files, folder)
  const written = writing.done.finally(() => {
    // A head that is closed meanwhile must not stay until the collector comes: its file would be in use.
    for (const snapshot of [taken, takenTrunk]) if (snapshot) native.releaseSnapshot(snapshot.handle)
  })
  const done = Promise.all([written, head.rows?.flush()]).then(() => {})
  return { held: writing.held, done: finish({ done }, folder, temporary, head.step, keep, head.rows) }
}

/** What a checkpoint says of the file that its rows are in. */
export interface SavedRowFile {
  /** Absolute, and as seen from the folder of the checkpoint's folder: both may have been moved together. */
  path: string
  fromFolder: string
  generation: string
}

function rowFileNow({ path, begin }: RowsState, folder: string): SavedRowFile {
  return { path, fromFolder: relative(resolve(folder), path), generation: begin() }
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

/** Journals of rows are kept for as long as a checkpoint in this folder needs them to go back. */
async function forgetOlder(rows: RowsState, folder: string): Promise<void> {
  const generations: string[] = []
  for (const path of await checkpointsIn(folder)) {
    const file = await SafetensorsFile.open(join(path, STATE_FILES.head))
    await file.close()
    const { rowFile } = file.metadata
    if (rowFile !== undefined) generations.push((JSON.parse(rowFile) as SavedRowFile).generation)
  }
  rows.keep(generations)
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
