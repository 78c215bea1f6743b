// Where lines come from: a file, a gzip file, or standard input, which is written to a temporary file first because
// training reads its data several times.

import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { WideheadError } from '../errors.js'

export interface Source {
  path: string
  /** What errors call it: the path as the user gave it, or <stdin>. */
  label: string
}

/** Turns names from the command line into sources that exist; dispose() removes temporary files. */
export class Sources {
  private readonly folders: string[] = []
  private spooled: Promise<Source> | undefined

  constructor(private readonly stdin: Readable) {}

  open(names: readonly string[]): Promise<Source[]> {
    return Promise.all(names.map((name) => (name === '-' ? (this.spooled ??= this.readStdin()) : checkFile(name))))
  }

  private async readStdin(): Promise<Source> {
    const path = join(await this.temporaryFolder(), 'stdin')
    try {
      await pipeline(this.stdin, createWriteStream(path))
    } catch (error) {
      throw fileError(`cannot keep standard input in ${path}`, error)
    }
    return { path, label: '<stdin>' }
  }

  /** A new folder, which dispose() removes. */
  async temporaryFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'widehead-')).catch((error) => {
      throw fileError(`cannot make a folder in ${tmpdir()}`, error)
    })
    this.folders.push(folder)
    return folder
  }

  async dispose(): Promise<void> {
    for (const folder of this.folders.splice(0)) await rm(folder, { recursive: true, force: true })
  }
}

async function checkFile(name: string): Promise<Source> {
  const found = await stat(name).catch((error) => {
    throw fileError(`cannot read ${name}`, error)
  })
  if (found.isDirectory()) throw new WideheadError('WIDEHEAD_FILE', `cannot read ${name}: it is a folder`)
  return { path: name, label: name }
}

const REASONS: Record<string, string> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is not a folder',
  ENOSPC: 'no space left on the device',
  EROFS: 'the file system is read-only',
}

/** An error of the file system as a typed one of one line. */
export function fileError(what: string, cause: unknown): WideheadError {
  if (cause instanceof WideheadError) return cause
  const { code, message } = cause as NodeJS.ErrnoException
  return new WideheadError('WIDEHEAD_FILE', `${what}: ${REASONS[code ?? ''] ?? message}`, { cause })
}
