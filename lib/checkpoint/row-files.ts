// Files of rows as checkpoints name them: which they are, where they are now, and the one folder that a file has its checkpoints in.

import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { rangeError } from '../errors.js'
import { SafetensorsFile } from '../files/safetensors-reader.js'
import { fileBehind, leadsTo } from '../heads/row-file.js'
import { checkpointsIn, STATE_FILES } from './folder.js'
import type { RowsState } from './save.js'

/** What a checkpoint says of the file that its rows are in. */
export interface SavedRowFile {
  /** Absolute, and as seen from the folder of the checkpoint's folder: both may have been moved together. */
  path: string
  fromFolder: string
  generation: string
}

export function rowFileNow({ path, begin }: RowsState, folder: string): SavedRowFile {
  return { path, fromFolder: relative(folder, path), generation: begin() }
}

/** What a checkpoint says, undefined if its rows are no file elsewhere. */
export async function rowFileOf(checkpoint: string): Promise<SavedRowFile | undefined> {
  const file = await SafetensorsFile.open(join(checkpoint, STATE_FILES.head))
  await file.close()
  const { rowFile } = file.metadata
  return rowFile === undefined ? undefined : (JSON.parse(rowFile) as SavedRowFile)
}

/** As far from the checkpoint as it was, or where it was: the one that leads back to it, if there is one. */
export function findRowFile(checkpoint: string, { path, fromFolder, generation }: SavedRowFile): string {
  const near = resolve(checkpoint, '..', fromFolder)
  const places = [near, path].map(fileBehind)
  const wanted = new Set([generation])
  return places.find((place) => leadsTo(place, wanted)) ?? places[existsSync(near) ? 0 : 1]
}

/** Journals of rows are kept for as long as a checkpoint in this folder needs them to go back. */
export async function forgetOlder(rows: RowsState, folder: string): Promise<void> {
  const generations: string[] = []
  for (const path of await checkpointsIn(folder)) {
    const rowFile = await rowFileOf(path)
    if (rowFile) generations.push(rowFile.generation)
  }
  rows.keep(generations)
}

/** What leads back to the checkpoints of one folder goes when none of them needs it: those in another would be lost. */
export function checkHome({ home }: RowsState, folder: string): void {
  if (home.folder === undefined || home.folder === realFolder(folder) || !hasCheckpoints(home.folder)) return
  throw rangeError(
    `folder must be ${home.folder}, where the rows in a file have their other checkpoints, got ${folder}`,
  )
}

export function realFolder(folder: string): string {
  return existsSync(folder) ? realpathSync(folder) : resolve(folder)
}

/** Whole, or being written. */
function hasCheckpoints(folder: string): boolean {
  try {
    return readdirSync(folder).some((name) => /^\.?step-/.test(name))
  } catch {
    return false
  }
}
