// Loading what save.ts wrote. Nothing is believed before it is checked: the header's checksum, each tensor's, and the shapes, before
// memory is asked for because of them.

import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { NativeState, NativeTensor } from '../binding.js'
import { typed, WideheadError } from '../errors.js'
import { parseJson } from '../files/json.js'
import { badFile, type TensorInfo } from '../files/safetensors.js'
import { SafetensorsFile } from '../files/safetensors-reader.js'
import { DIGITS, tensorBytes } from './file-plan.js'
import { findCheckpoint, othersThan, STATE_FILES } from './folder.js'
import type { SavedRowFile } from './row-files.js'
import { rowsFile, STATE_VERSION } from './save.js'

const PIECE = 2 ** 26 // bytes held beside the arrays that are filled

/** What a file of a checkpoint says of itself. */
export interface StateHeader {
  kind: string
  step: number
  /** That the rows were saved by. */
  ranks: number
  config: Record<string, unknown>
  resolved: Record<string, unknown>
  facts: Record<string, unknown>
  /** Where the rows are, if they are in no file of the checkpoint. */
  rowFile?: SavedRowFile
}

/** A file of a checkpoint whose header has been checked. */
export class StateFile {
  private constructor(
    readonly file: SafetensorsFile,
    readonly header: StateHeader,
    private readonly checksums: ReadonlyMap<string, string>,
  ) {}

  static async open(path: string, content: keyof typeof STATE_FILES): Promise<StateFile> {
    const file = await SafetensorsFile.open(path)
    try {
      const { metadata } = file
      if (metadata.format !== 'widehead state') throw badFile(path, 'no file of a checkpoint of widehead')
      if (metadata.formatVersion !== String(STATE_VERSION)) {
        const found = JSON.stringify(metadata.formatVersion)
        throw badFile(path, `format version ${found}; this version of widehead reads ${STATE_VERSION}`)
      }
      const checksums = checkedHeader(file)
      if (metadata.content !== content) throw badFile(path, `holds ${metadata.content}, expected ${content}`)
      return new StateFile(file, readHeader(file), checksums)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /**
   * The bytes of a tensor in pieces, each a multiple of `unit` but for the last; throws after that one if they are not what was written.
   */
  async *pieces(name: string, unit = 1): AsyncGenerator<Uint8Array> {
    let crc = 0
    const piece = Math.max(1, Math.floor(PIECE / unit)) * unit
    for await (const bytes of this.file.bytes(this.file.tensors.get(name) as TensorInfo, piece)) {
      crc = crc32(bytes, crc)
      yield bytes
    }
    if (hex(crc) !== this.checksums.get(name)) {
      throw badFile(this.file.path, `tensor ${JSON.stringify(name)} is damaged: its checksum is another`)
    }
  }

  /** A whole tensor: only for those that are small. */
  async read(name: string): Promise<Uint8Array> {
    const pieces: Uint8Array[] = []
    for await (const piece of this.pieces(name)) pieces.push(piece)
    return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
  }

  close(): Promise<void> {
    return this.file.close()
  }
}

function hex(crc: number): string {
  return crc.toString(16).padStart(DIGITS, '0')
}

/** The checksums of the tensors, after that of the header. */
function checkedHeader(file: SafetensorsFile): Map<string, string> {
  const { path, metadata, tensors } = file
  const { checksums = '' } = metadata
  const names = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end).map(([name]) => name)
  const at = Buffer.from(file.header).indexOf(checksums)
  if (checksums.length !== DIGITS * (names.length + 1)) throw badFile(path, 'has no checksums, or too few')
  const bytes = Buffer.from(file.header)
  const own = at + DIGITS * names.length
  bytes.fill('0', own, own + DIGITS)
  if (hex(crc32(bytes)) !== checksums.slice(-DIGITS))
    throw badFile(path, 'the header is damaged: its checksum is another')
  return new Map(names.map((name, i) => [name, checksums.slice(DIGITS * i, DIGITS * (i + 1))]))
}

function readHeader({ path, metadata }: SafetensorsFile): StateHeader {
  const object = (name: string, text = '{}', depth?: number) => {
    const value = parseJson(path, `${name} of its metadata is`, text, depth)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
    throw badFile(path, `${name} of its metadata is no JSON object`)
  }
  const step = Number(metadata.step)
  if (!Number.isSafeInteger(step) || step < 0) throw badFile(path, `step must be a whole number, got ${metadata.step}`)
  const ranks = Number(metadata.ranks ?? 1)
  if (!Number.isInteger(ranks) || ranks < 1 || ranks > 65536)
    throw badFile(path, `ranks must be a whole number, got ${metadata.ranks}`)
  return {
    kind: metadata.kind ?? '',
    step,
    ranks,
    config: object('config', metadata.config),
    resolved: object('resolved', metadata.resolved),
    facts: object('facts', metadata.facts, Number.POSITIVE_INFINITY), // the caller's own, which nothing here walks over
    rowFile: metadata.rowFile === undefined ? undefined : checkRowFile(path, object('rowFile', metadata.rowFile)),
  }
}

function checkRowFile(place: string, { path, fromFolder, generation }: Record<string, unknown>): SavedRowFile {
  if (typeof path === 'string' && typeof fromFolder === 'string' && /^[0-9a-f]{16}$/.test(`${generation}`)) {
    return { path, fromFolder, generation: `${generation}` }
  }
  throw badFile(place, 'rowFile of its metadata does not say where the rows are')
}

/** Calls `use` with the path of the newest checkpoint; an error of a damaged one names the others that are there. */
export async function withCheckpoint<T>(folder: string, use: (path: string) => Promise<T>): Promise<T> {
  const path = await findCheckpoint(folder)
  try {
    return await use(path)
  } catch (error) {
    const failure = typed(error)
    if (!(failure instanceof WideheadError) || failure.code !== 'WIDEHEAD_FILE') throw failure
    const place = failure.message.includes(path) ? '' : `${path}: `
    throw new WideheadError('WIDEHEAD_FILE', `${place}${failure.message}${await othersThan(path)}`, { cause: error })
  }
}

/** Opens files of a checkpoint, all of one step, for as long as `use` runs. */
export async function withFiles<T>(
  path: string,
  contents: readonly (keyof typeof STATE_FILES)[],
  use: (...files: StateFile[]) => Promise<T>,
): Promise<T> {
  const named = contents.map((content) => [STATE_FILES[content], content] as const)
  return withNamedFiles(path, named, (files) => use(...files))
}

/** The head's files: the small arrays, and the rows, a file a rank that saved them; none where they are a file elsewhere. */
export async function withHead<T>(path: string, use: (small: StateFile, rows: StateFile[]) => Promise<T>): Promise<T> {
  return withFiles(path, ['head'], (small) => {
    const { ranks, step, rowFile } = small.header
    if (rowFile) return use(small, [])
    const named = Array.from({ length: ranks }, (_, rank) => [rowsFile(rank, ranks), 'rows'] as const)
    return withNamedFiles(path, named, (rows) => use(small, rows), { step, path: small.file.path })
  })
}

async function withNamedFiles<T>(
  path: string,
  named: readonly (readonly [string, keyof typeof STATE_FILES])[],
  use: (files: StateFile[]) => Promise<T>,
  first?: { step: number; path: string },
): Promise<T> {
  const files: StateFile[] = []
  try {
    for (const [name, content] of named) files.push(await StateFile.open(join(path, name), content))
    const like = first ?? { step: files[0].header.step, path: files[0].file.path }
    for (const { header, file } of files) {
      if (header.step === like.step) continue
      throw badFile(file.path, `is of step ${header.step}, ${like.path} of step ${like.step}`)
    }
    return await use(files)
  } finally {
    for (const file of files) await file.close()
  }
}

/** A rank among others; the only one where there are none. */
export interface RankOf {
  rank: number
  size: number
}
export const ALONE: RankOf = { rank: 0, size: 1 }

/**
 * Fills what was made from the same options: the small arrays from `small`, the others from `streamed`, a file a rank that saved them,
 * unless they are there already.
 * `numRows`: of all ranks together, where they are more than one.
 */
export async function restore(
  target: NativeState,
  small: StateFile | undefined,
  streamed: readonly StateFile[] | undefined,
  to: RankOf = ALONE,
  numRows = 0,
): Promise<void> {
  const given = []
  if (small) {
    for (const [name, { dtype, shape }] of small.file.tensors)
      given.push({ name, dtype, shape, data: await small.read(name) })
  }
  const relaid = streamed !== undefined && streamed.length !== to.size
  const wanted = [...target.restore(given, relaid).entries()].map(([number, tensor]) => ({ ...tensor, number }))
  if (streamed) {
    const [replicated, own] = [true, false].map((is) => wanted.filter((tensor) => tensor.replicated === is))
    await fillAsSaved(target, replicated, streamed[0])
    if (relaid) await fillRelaid(target, own, streamed, to, numRows)
    else await fillAsSaved(target, own, streamed[to.rank])
  }
  target.restored()
}

type WantedTensor = NativeTensor & { number: number }

async function fillAsSaved(target: NativeState, wanted: readonly WantedTensor[], file: StateFile): Promise<void> {
  for (const tensor of wanted) checkTensor(file.file, tensor)
  for (const { number, name } of wanted) {
    let offset = 0
    for await (const piece of file.pieces(name)) {
      target.fill(number, offset, piece)
      offset += piece.length
    }
  }
}

/** Class c lies with rank c % size as its row c / size (native/comm/shard.h), there and here. */
async function fillRelaid(
  target: NativeState,
  wanted: readonly WantedTensor[],
  files: readonly StateFile[],
  to: RankOf,
  numRows: number,
): Promise<void> {
  const from = files.length
  const step = greatestCommonDivisor(from, to.size)
  for (const [rank, file] of files.entries()) {
    if ((rank - to.rank) % step !== 0) continue // none of its rows are this rank's
    for (const { number, ...tensor } of wanted) {
      const shape = [Math.ceil(numRows / from), ...tensor.shape.slice(1)]
      checkTensor(file.file, { ...tensor, shape })
      const rowBytes = tensorBytes({ ...tensor, shape }) / shape[0]
      let row = 0
      for await (const piece of file.pieces(tensor.name, rowBytes)) {
        target.fillRows(number, row, piece, rank, from, to.rank, to.size)
        row += piece.length / rowBytes
      }
    }
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

export function checkTensor(
  file: SafetensorsFile,
  { name, dtype, shape }: Pick<NativeTensor, 'name' | 'dtype' | 'shape'>,
): void {
  const found = file.tensors.get(name)
  if (!found) throw badFile(file.path, `tensor ${JSON.stringify(name)} is missing`)
  const [is, expected] = [found, { dtype, shape }].map((tensor) => `${tensor.dtype} [${tensor.shape}]`)
  if (is !== expected) throw badFile(file.path, `tensor ${JSON.stringify(name)} is ${is}, expected ${expected}`)
}
