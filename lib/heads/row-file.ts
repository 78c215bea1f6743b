// What a file of rows and its journals say of themselves in their first bytes, for who must know whose they are and opens none of them.

import { closeSync, existsSync, lstatSync, openSync, readdirSync, readSync, realpathSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

export const FORMAT = 'widehead rows'
export const OPENING = '{"__metadata__":{"state":"'
// RowFile::writeState in native/exact/row_file.cc says what it is.
export const STATE_LENGTH = 44

const BEGINNING = new RegExp(`^[^]{8}${escaped(OPENING)}([^]{${STATE_LENGTH}})","format":"${FORMAT}"`)
const STATE = /^([0-9a-f]{16}) ([0-9a-f]{16}) ([a-z]) /
const NEVER_SAVED = 'n'
const MOST_JOURNALS = 100_000 // that follow each other: more are a circle
/** Of a journal's header (native/exact/row_journal.cc): where the generation before it is. */
const PREVIOUS_AT = 16

export interface RowFileState {
  generation: string
  /** The one before it, which there may be a journal of. */
  previous: string
  /** A checkpoint may name it. */
  isSaved: boolean
}

/** Undefined of a file of another kind. What a killed process had not finished was never saved; its header came first. */
export function rowFileState(path: string): RowFileState | undefined {
  const bytes = firstBytes(path, 256)
  const state = bytes.length === 0 ? '' : BEGINNING.exec(bytes.toString('latin1'))?.[1]
  if (state === undefined) return undefined
  const [, generation = '', previous = '', kind] = STATE.exec(state) ?? []
  return { generation, previous, isSaved: state.trim() !== '' && kind !== NEVER_SAVED }
}

/** Whether a file is there that is what its rows were in one of these generations, or can go back to it. */
export function leadsTo(path: string, generations: ReadonlySet<string>): boolean {
  try {
    let { generation, previous } = rowFileState(path) ?? { generation: '', previous: '' }
    for (let i = 0; i < MOST_JOURNALS; i++) {
      if (generations.has(generation)) return true
      const journal = `${path}.${previous}.journal`
      if (!existsSync(journal)) return false
      generation = previous
      previous = firstBytes(journal, PREVIOUS_AT + 8)
        .readBigUInt64LE(PREVIOUS_AT)
        .toString(16)
        .padStart(16, '0')
    }
  } catch {} // what cannot be read leads nowhere
  return false
}

/** Journals lie beside the file that a link leads to, whichever name it is called by. */
export function fileBehind(path: string): string {
  return existsSync(path) && lstatSync(path).isSymbolicLink() ? realpathSync(path) : resolve(path)
}

/** Those of a file of rows, but for the ones that lead to these generations. */
export function removeJournals(path: string, except: readonly string[] = []): void {
  const folder = dirname(path)
  const journal = new RegExp(`^${escaped(basename(path))}\\.([0-9a-f]{16})\\.journal$`)
  for (const name of readdirSync(folder)) {
    const generation = journal.exec(name)?.[1]
    if (generation && !except.includes(generation)) rmSync(join(folder, name), { force: true })
  }
}

function firstBytes(path: string, length: number): Buffer {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(length)
    return bytes.subarray(0, readSync(file, bytes, 0, length, 0))
  } finally {
    closeSync(file)
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
