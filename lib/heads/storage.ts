// Rows of an exact head in a file: what a new one looks like, and how one that is there is opened.

import { existsSync, statfsSync, statSync } from 'node:fs'
import type { NativeRowFile } from '../binding.js'
import { fileError } from '../data/source.js'
import { WideheadError } from '../errors.js'
import { badFile, headerBytes } from '../files/safetensors.js'
import type { SafetensorsFile } from '../files/safetensors-reader.js'
import { native } from '../native.js'
import { version } from '../version.js'
import { FORMAT, leadsTo, OPENING, type RowFileState, removeJournals, rowFileState, STATE_LENGTH } from './row-file.js'
import type { Durability, ReadStorage } from './storage-options.js'

const FORMAT_VERSION = '1'

interface FileStorage {
  path: string
  durability?: Durability
}

/** What the addon makes a new file of. */
export function newRowFile(storage: FileStorage, rows: number, features: number): NativeRowFile {
  const { path } = storage
  if (existsSync(path)) {
    throw new WideheadError(
      'WIDEHEAD_FILE',
      `storage.path: ${path} is there already: load the head that it belongs to, or remove it`,
    )
  }
  return planOf(storage, rows, features)
}

function planOf({ path, durability }: FileStorage, rows: number, features: number): NativeRowFile {
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
    /** The folder that the checkpoint is in. */
    readonly home: string,
  ) {}

  /** `storage`: kind memory opens it privately, so that the file is only read. */
  static of(file: SafetensorsFile, generation: string, storage: ReadStorage, home: string): SavedRows {
    const { path, metadata, header } = file
    if (metadata.format !== FORMAT) throw badFile(path, 'holds no rows of widehead')
    if (metadata.formatVersion !== FORMAT_VERSION) {
      const found = JSON.stringify(metadata.formatVersion)
      throw badFile(path, `format version ${found}; this version of widehead reads ${FORMAT_VERSION}`)
    }
    if (file.tensors.get('V')?.begin !== 0) throw badFile(path, 'its first tensor is not V')
    const begins = Buffer.from(header.subarray(8, 8 + OPENING.length)).toString('latin1') === OPENING
    if (!begins || metadata.state?.length !== STATE_LENGTH) throw badFile(path, 'the header has no state')
    return new SavedRows(storage, file, generation, home)
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
 * Where a new model's rows are to be, in place of a file that is there, which goes with its journals once the new one is sure to find
 * room. One of another kind is refused, and so is one that a checkpoint may name, unless it leads to one of these generations.
 */
export class ReplacedRows {
  readonly kind = 'file'

  constructor(
    readonly path: string,
    readonly durability: Durability | undefined,
    generations: ReadonlySet<string>,
  ) {
    if (!existsSync(path)) return
    const state = readState(path)
    if (state === undefined) throw badFile(path, 'holds no rows of widehead: it is not replaced')
    if (state.isSaved && !leadsTo(path, generations)) {
      throw badFile(path, 'holds the rows of a model that is not in this folder: it is not replaced')
    }
  }

  native(rows: number, features: number): NativeRowFile {
    const { path } = this
    if (existsSync(path)) {
      checkRoom(path, planOf(this, rows, features).bytes)
      native.removeUnlocked(path)
      removeJournals(path)
    }
    return newRowFile(this, rows, features)
  }
}

function readState(path: string): RowFileState | undefined {
  try {
    return rowFileState(path)
  } catch (error) {
    throw fileError(`cannot read ${path}`, error)
  }
}

/** Of a file that takes the place of the one that is there. */
function checkRoom(path: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(path)
  const { blocks, nlink } = statSync(path)
  const room = bavail * bsize + (nlink === 1 ? 512 * blocks : 0)
  if (room >= bytes) return
  throw new WideheadError(
    'WIDEHEAD_FILE',
    `${path} needs ${bytes} bytes, but its file system has ${room} left, those of the old one included: it is not replaced`,
  )
}
