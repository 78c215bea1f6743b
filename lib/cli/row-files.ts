// The files of rows that the model in a folder has: what `widehead train` may replace, and what it leaves behind.

import { basename, dirname, join, relative, sep } from 'node:path'
import { checkpointsIn } from '../checkpoint/folder.js'
import { findRowFile, realFolder, rowFileOf } from '../checkpoint/row-files.js'
import { type ModelConfig, readConfig } from '../files/config.js'
import { MODEL_FILES } from '../files/model.js'
import { fileBehind, leadsTo, type RowFileState, rowFileState } from '../heads/row-file.js'
import { ReplacedRows } from '../heads/storage.js'
import type { Durability } from '../heads/storage-options.js'
import { usage } from './run.js'

type RowFile = NonNullable<ModelConfig['rowFile']>

/** Those that lead to a checkpoint in the folder, or were made by a run that has come to none. What cannot be read names none. */
export async function rowFilesOf(out: string): Promise<RowFile[]> {
  const found: RowFile[] = []
  const config = await readConfig(join(out, MODEL_FILES.config)).catch(() => undefined)
  if (config?.rowFile) found.push(config.rowFile)
  for (const checkpoint of await checkpointsIn(join(out, MODEL_FILES.checkpoints)).catch(() => [])) {
    const saved = await rowFileOf(checkpoint).catch(() => undefined)
    if (saved) found.push({ path: findRowFile(checkpoint, saved), generation: saved.generation })
  }
  return found
}

/** Of those, the ones that are there and have not become another model's. */
export function stillThere(files: readonly RowFile[]): string[] {
  const left = files.filter(({ path, generation }) => leadsTo(path, new Set([generation])))
  return [...new Set(left.map(({ path }) => path))]
}

/** In words: it may be a copy of the model that was replaced, so that nobody here knows who else needs them. */
export function leftBehind(path: string): string {
  return `the rows of the model that was replaced are still in ${path}: unless a copy of it needs them, they may go, with their journals`
}

/** A file that is there is the model's that is to be replaced, wherever it was then, or nobody's; else it is refused. */
export async function replacedRows(
  out: string,
  path: string,
  durability: Durability | undefined,
): Promise<ReplacedRows> {
  const known = await rowFilesOf(out)
  return new ReplacedRows(fileBehind(path), durability, new Set(known.map(({ generation }) => generation)))
}

/** What config.json says of a new file. */
export function newRowFileOf(path: string): RowFile {
  const file = fileBehind(path)
  const { generation } = rowFileState(file) as RowFileState
  return { path: file, generation }
}

/** The model's own names are cleared for a new model, and written to. */
export function checkRowFilePlace(out: string, path: string): void {
  const place = join(realFolder(dirname(path)), basename(path))
  const [first] = relative(realFolder(out), place).split(sep)
  if (!(Object.values(MODEL_FILES) as string[]).includes(first)) return
  throw usage(`--storage-file must not be in ${join(out, first)}, which the model has for itself, got ${path}`)
}
