// Saving a head, and with it the trunk below it and facts of the caller's, as one checkpoint of one moment.

import { join } from 'node:path'
import type { NativeSnapshot, NativeTensor } from '../binding.js'
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
  const temporary = beginCheckpoint(folder, head.step)
  const path = (name: keyof typeof STATE_FILES) => join(temporary, STATE_FILES[name])
  const streamed = ({ streamed }: NativeTensor) => streamed
  const files = [
    planFile(path('rows'), head.snapshot, streamed, metadata(head, 'rows', common)),
    planFile(path('head'), head.snapshot, (tensor) => !tensor.streamed, metadata(head, 'head', { ...common, facts })),
    ...(trunk ? [planFile(path('trunk'), trunk.snapshot, streamed, metadata(trunk, 'trunk', common))] : []),
  ]
  const writing = startWriting(files, folder)
  return { held: writing.held, done: finish(writing, folder, temporary, head.step, keep) }
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
