// Saving a head, and with it the trunk below it and facts of the caller's, as one checkpoint of one moment.

import { join } from 'node:path'
import type { NativeFilePlan, NativeSnapshot, NativeTensor } from '../binding.js'
import { checkInteger, checkObject } from '../check.js'
import { typeError } from '../errors.js'
import type { Trunk } from '../trunk.js'
import { version } from '../version.js'
import { planFile } from './file-plan.js'
import { beginCheckpoint, discardCheckpoint, inTurn, publishCheckpoint } from './folder.js'
import { startWriting, type Writing } from './writing.js'

export const STATE_VERSION = 1

/** Files of a checkpoint. The head's small arrays lie apart from those that have a row a class. */
export const STATE_FILES = {
  head: 'head.safetensors',
  rows: 'head.rows.safetensors',
  trunk: 'trunk.safetensors',
} as const

/** Heads and trunks have a method of this name: their state as it is now, and what it takes to make them again. */
export const STATE = Symbol('state')

export interface State {
  snapshot: NativeSnapshot
  /** Updates made. */
  step: number
  kind: string
  /** Options for the constructor, as JSON. */
  config: object
  /** What the constructor made of them: a version with other defaults must not go on from here. */
  resolved: object
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

/** Where a checkpoint is made, and the name that it gets when it is whole. */
export interface Place {
  temporary: string
  name: string
}

/** The file of the rows that rank `rank` of `size` has. */
export function rowsFile(rank: number, size: number): string {
  return size === 1 ? STATE_FILES.rows : `head.rows.${rank}-of-${size}.safetensors`
}

/** What this rank writes of a checkpoint, checked: its rows, and the first one all that is the same everywhere. */
export function planCheckpoint(
  head: State,
  options: SaveOptions,
  { rank, size }: { rank: number; size: number } = { rank: 0, size: 1 },
): { files: (temporary: string) => NativeFilePlan[]; keep: number } {
  const keep = checkInteger('keep', options.keep ?? 2, 1, 1e6)
  const facts = asJson('facts', options.facts ?? {})
  const trunk = rank === 0 ? options.trunk?.[STATE]() : undefined
  const common = { step: String(head.step), ...(size > 1 && { ranks: String(size) }) }
  const streamed = ({ streamed }: NativeTensor) => streamed
  const small = ({ streamed }: NativeTensor) => !streamed
  const files = (temporary: string) => {
    const plan = (name: string, { snapshot }: State, includes: typeof small, about: Readonly<Record<string, string>>) =>
      planFile(join(temporary, name), snapshot, includes, about)
    const rows = plan(rowsFile(rank, size), head, streamed, metadata(head, 'rows', common))
    if (rank > 0) return [rows]
    return [
      rows,
      plan(STATE_FILES.head, head, small, metadata(head, 'head', { ...common, facts })),
      ...(trunk ? [plan(STATE_FILES.trunk, trunk, streamed, metadata(trunk, 'trunk', common))] : []),
    ]
  }
  return { files, keep }
}

/** Takes the state as it is now; `held` while it must not change. */
export function startSaving(
  folder: string,
  head: State,
  options: SaveOptions,
): Omit<Writing, 'done'> & { done: Promise<Saved> } {
  const plan = planCheckpoint(head, options)
  const temporary = beginCheckpoint(folder, head.step)
  const writing = startWriting(plan.files(temporary), folder)
  return { held: writing.held, done: finish(writing, folder, temporary, head.step, plan.keep) }
}

async function finish(
  { done }: Writing,
  folder: string,
  temporary: string,
  step: number,
  keep: number,
): Promise<Saved> {
  done.catch(() => {}) // it may fail before its turn comes
  return inTurn(folder, async () => {
    try {
      await done
      return { path: await publishCheckpoint(folder, temporary, step, keep), step }
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
