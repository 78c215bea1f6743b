// A head, or a trunk, made again from a checkpoint.

import { dirname } from 'node:path'
import type { NativeState } from '../binding.js'
import { checkObject, checkString } from '../check.js'
import type { Communicator } from '../distributed/communicator.js'
import { WideheadError } from '../errors.js'
import { badFile } from '../files/safetensors.js'
import { SafetensorsFile } from '../files/safetensors-reader.js'
import { fileBehind } from '../heads/row-file.js'
import { SavedRows } from '../heads/storage.js'
import { type HeadStorage, readStorage } from '../heads/storage-options.js'
import { createLoss, type Loss } from '../losses.js'
import { nativeOptimizer } from '../optimizer.js'
import {
  ALONE,
  checkTensor,
  type RankOf,
  restore,
  type StateFile,
  type StateHeader,
  withCheckpoint,
  withFiles,
  withHead,
} from './load.js'
import { findRowFile, realFolder, type SavedRowFile } from './row-files.js'
import { STATE, type State } from './save.js'

/** Heads and trunks have a method of this name: the native object to fill. */
export const RESTORE = Symbol('restore')

/**
 * What loading a head needs that no file can hold.
 *
 * @category Checkpoints
 */
export interface LoadOptions {
  /** For a head with a custom loss, whose code no file holds: the same loss again, under the same name. */
  loss?: Loss
  /** For a head that is to lie on several ranks (`mpi()`), all of which load it: the number that saved it does not matter. */
  distributed?: Communicator
  /**
   * Of a head whose rows are a file: where that is now, if it has been moved. Or kind memory: the file is only read, beside others that
   * only read it, and rows that change take memory. Default: as it was saved.
   */
  storage?: HeadStorage
}

/** `weightsOnly`: for who asks and does not train, without what the optimiser keeps. */
interface FillOptions {
  weightsOnly?: boolean
}

/** What is made again has the state it is made from, and a way to put it back. */
export interface Restorable {
  [STATE](): State
  [RESTORE](): NativeState
  close(): void
}

/** `create` makes a head of this kind from options. */
export async function loadHeadAs<T extends Restorable>(
  folder: string,
  kind: string | undefined,
  create: (kind: string, options: never) => T,
  options: LoadOptions & FillOptions = {},
): Promise<T> {
  checkLoad(folder, options)
  const load = async (small: StateFile, files: readonly StateFile[]) => {
    const header = wantedOf(small, options)
    const rows = header.rowFile ? undefined : files
    if (kind !== undefined && header.kind !== kind) {
      throw badFile(small.file.path, `holds a head of the kind ${header.kind}, expected ${kind}`)
    }
    const { distributed } = options
    const storage = await openRows(small, rows, options)
    const config = { ...withLoss({ file: small.file, header }, options), init: { kind: 'zeros' }, storage, distributed }
    const head = make({ file: small.file, header }, () => create(header.kind, config as never))
    return fill(head, small, rows, distributed ?? ALONE, (header.config as { numClasses: number }).numClasses)
  }
  return withCheckpoint(folder, (path) => withHead(path, load))
}

function checkLoad(folder: unknown, options: unknown): void {
  checkString('folder', folder)
  checkObject('options', options)
}

/** The rows that the configuration promises are there: only then is memory asked for because of it. */
async function openRows(
  { header, file }: StateFile,
  rows: readonly StateFile[] | undefined,
  options: LoadOptions,
): Promise<SavedRows | undefined> {
  const { numClasses, storage } = header.config as { numClasses: number; storage?: HeadStorage }
  const given = options.storage && readStorage(options.storage, storage)
  if (rows) {
    if (given?.kind === 'file') throw badFile(file.path, 'has its rows in memory: storage must be memory or left out')
    for (const { file } of rows) checkSize(file, header)
    return undefined
  }
  const saved = header.rowFile as SavedRowFile
  const checkpoint = dirname(file.path)
  const found = await SafetensorsFile.open(
    given?.kind === 'file' ? fileBehind(given.path) : findRowFile(checkpoint, saved),
  )
  await found.close() // the header is all that is wanted of it
  checkSize(found, header)
  checkTensor(found, { name: 'positions', dtype: 'U32', shape: [numClasses, 1] })
  const wanted = given ?? readStorage(storage)
  return SavedRows.of(
    found,
    saved.generation,
    wanted.kind === 'file' ? { ...wanted, path: found.path } : wanted,
    realFolder(dirname(checkpoint)),
  )
}

/** `create` makes a trunk from options. */
export async function loadTrunkAs<T extends Restorable>(
  folder: string,
  create: (options: never) => T,
  options: { distributed?: Communicator } & FillOptions = {},
): Promise<T> {
  checkLoad(folder, options)
  return withCheckpoint(folder, (path) =>
    withFiles(path, ['trunk'], async (state) => {
      const { file } = state
      const header = wantedOf(state, options)
      const { vocabularySize, embeddingSize } = header.config
      const shape = [vocabularySize as number, embeddingSize as number]
      checkTensor(file, { name: 'embedding', dtype: 'F32', shape })
      const { distributed } = options
      const trunk = make({ file, header }, () => create({ ...header.config, distributed } as never))
      return fill(trunk, undefined, [state])
    }),
  )
}

/** What is to be made: as it was saved, or the same with an optimiser that keeps nothing, so that nothing of it is loaded. */
function wantedOf({ header }: StateFile, { weightsOnly }: FillOptions): StateHeader {
  if (!weightsOnly) return header
  const { config, resolved } = header
  const plain = { kind: 'sgd' } as const
  const instead = (options: Record<string, unknown>, optimizer: object) =>
    options.optimizer === undefined ? options : { ...options, optimizer }
  const own = resolved.options as Record<string, unknown> | undefined // of a head
  return {
    ...header,
    config: instead(config, plain),
    resolved: { ...instead(resolved, plain), ...(own && { options: instead(own, nativeOptimizer(plain)) }) },
  }
}

function checkSize(file: SafetensorsFile, { config, ranks }: StateHeader): void {
  const { numClasses, hiddenSize, bias } = config as { numClasses: number; hiddenSize: number; bias?: boolean }
  const name = file.tensors.has('V') ? 'V' : 'W'
  checkTensor(file, { name, dtype: 'F32', shape: [Math.ceil(numClasses / ranks), hiddenSize + (bias ? 1 : 0)] })
}

type Described = Pick<StateFile, 'file' | 'header'>

function withLoss({ file, header }: Described, { loss: given }: LoadOptions): object {
  const { loss: saved, ...others } = header.config as { loss?: { name: string; parameters: Record<string, number> } }
  if (!saved) return others
  const isCustom = header.resolved.loss === null
  if (given === undefined && !isCustom) return { ...others, loss: createLoss(saved.name, saved.parameters) }
  if (given?.name === saved.name) return { ...others, loss: given }
  const found = given ? `got ${given.name}` : 'got none: no file holds its code'
  throw new WideheadError(
    'WIDEHEAD_FILE',
    `${file.path}: loss must be the ${saved.name} loss it was saved with, ${found}`,
  )
}

function make<T extends Restorable>({ file, header }: Described, create: () => T): T {
  let made: T
  try {
    made = create()
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string }
    if (code === 'WIDEHEAD_OUT_OF_MEMORY') throw error
    throw badFile(file.path, `cannot be made again: ${message}`)
  }
  const { resolved } = made[STATE]()
  if (JSON.stringify(resolved) === JSON.stringify(header.resolved)) return made
  made.close()
  throw badFile(file.path, 'was saved by a version of widehead with other defaults')
}

async function fill<T extends Restorable>(
  made: T,
  small: StateFile | undefined,
  streamed: readonly StateFile[] | undefined,
  to: RankOf = ALONE,
  numRows = 0,
): Promise<T> {
  try {
    await restore(made[RESTORE](), small, streamed, to, numRows)
    return made
  } catch (error) {
    made.close()
    throw error
  }
}
