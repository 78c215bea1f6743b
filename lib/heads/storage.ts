// Rows of an exact head in a file: what a new one looks like, and how one that is there is opened.

import { existsSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { NativeRowFile } from '../binding.js'
import { WideheadError } from '../errors.js'
import { badFile, headerBytes } from '../files/safetensors.js'
import { SafetensorsFile } from '../files/safetensors-reader.js'
import { native } from '../native.js'
import { version } from '../version.js'
import type { Durability, ReadStorage } from './storage-options.js'

const FORMAT = 'widehead rows'
const FORMAT_VERSION = '1'
const OPENING = '{"__metadata__":{"state":"'
// RowFile::writeState in native/exact/row_file.cc says what it is.
const STATE_LENGTH = 44
const KIND_AT = 34
const NEVER_SAVED = 'n'

/** What the addon makes a new file of. */
export function newRowFile(
  { path, durability }: { path: string; durability: Durability },
  rows: number,
  features: number,
): NativeRowFile {
  if (existsSync(path)) {
    throw new WideheadError(
      'WIDEHEAD_FILE',
      `storage.path: ${path} is there already: load the head that it belongs to, or remove it`,
    )
  }
  const stamps = 4 * rows * features
  const tensors = {
    V: { dtype: 'F32', shape: [rows, features], data_offsets: [0, stamps] },
    positions: { dtype: 'U32', shape: [rows, 1], data_offsets: [stamps, stamps + 4 * rows] },
  }
  const state = ' '.repeat(STATE_LENGTH)
  const metadata = { state, format: FORMAT, formatVersion: FORMAT_VERSION, widehead: version }
  const header = headerBytes({ __metadata__: metadata, ...tensors })
  return { ...placesOf(path, header.length, rows, features), header, power: durability === 'power' }
}

/** The places that a file whose header has `header` bytes has them in. */
function placesOf(path: string, header: number, rows: number, features: number): NativeRowFile {
  return {
    path,
    header: undefined,
    bytes: header + 4 * rows * (features + 1),
    stateAt: 8 + OPENING.length,
    rowsAt: header,
    stampsAt: header + 4 * rows * features,
    generation: '',
    private: false,
    power: false,
  }
}

/** How a checkpoint's rows are opened: a file that is there, as it was in a generation. */
export class SavedRows {
  private constructor(
    readonly storage: ReadStorage,
    private readonly file: Pick<SafetensorsFile, 'path' | 'header' | 'tensors'>,
    private readonly generation: string,
  ) {}

  /** `storage`: kind memory opens it privately, so that the file is only read. */
  static of(file: SafetensorsFile, generation: string, storage: ReadStorage): SavedRows {
    const { path, metadata, header } = file
    if (metadata.format !== FORMAT) throw badFile(path, 'holds no rows of widehead')
    if (metadata.formatVersion !== FORMAT_VERSION) {
      const found = JSON.stringify(metadata.formatVersion)
      throw badFile(path, `format version ${found}; this version of widehead reads ${FORMAT_VERSION}`)
    }
    if (file.tensors.get('V')?.begin !== 0) throw badFile(path, 'its first tensor is not V')
    const begins = Buffer.from(header.subarray(8, 8 + OPENING.length)).toString('latin1') === OPENING
    if (!begins || metadata.state?.length !== STATE_LENGTH) throw badFile(path, 'the header has no state')
    return new SavedRows(storage, file, generation)
  }

  native(rows: number, features: number): NativeRowFile {
    const { path, header } = this.file
    const { generation, storage } = this
    const isPrivate = storage.kind === 'memory'
    const power = !isPrivate && storage.durability === 'power'
    return { ...placesOf(path, header.length, rows, features), generation, private: isPrivate, power }
  }
}

/**
 * Removes a file of rows and its journals, for a new one to take its place; one of another kind, or in use, is refused. So is one that a
 * checkpoint knows, unless the model that it is to be replaced with (`ours`) is there to be replaced.
 */
export async function removeRowFile(path: string, ours: boolean): Promise<void> {
  if (!existsSync(path)) return
  const file = await SafetensorsFile.open(path)
  await file.close()
  if (file.metadata.format !== FORMAT) throw badFile(path, 'holds no rows of widehead: it is not replaced')
  if (!ours && file.metadata.state?.[KIND_AT] !== NEVER_SAVED) {
    throw badFile(path, 'holds the rows of a model that is not in this folder: it is not replaced')
  }
  native.removeUnlocked(path)
  removeJournals(path)
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

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
