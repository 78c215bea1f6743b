// Where lines come from: a file, a gzip file, or standard input, which is written to a temporary file first because
// training reads its data several times.

import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
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

export function stdinAs(stdin: Readable) {
  return { '-': { label: '<stdin>', open: () => stdin } }
}

/** Folders that are to be gone when the process is. */
const temporary = new Set<string>()

/** A process that a signal ends does not come to its finally blocks: its copies of the data would stay, however large. */
function removeTemporary(): void {
  for (const folder of temporary) {
    try {
      rmSync(folder, { recursive: true, force: true })
    } catch {
      // what is being written at this moment: the process ends all the same
    }
  }
}

function makeTemporary(): string {
  if (!temporary.size) process.once('exit', removeTemporary)
  const folder = mkdtempSync(join(tmpdir(), 'widehead-')) // at once: a signal finds it in the set
  temporary.add(folder)
  return folder
}

/**
 * Turns names into sources that exist; dispose() removes temporary files: the copies of streams, which are read several times, and
 * of tables.
 */
export class Sources {
  private readonly folders: string[] = []
  private readonly spooled = new Map<string, Promise<Source>>()

  /** `streams`: what stands for the names that are no files, as - for standard input. */
  constructor(private readonly streams: Readonly<Record<string, { label: string; open: () => Readable }>>) {}

  open(names: readonly string[]): Promise<Source[]> {
    return Promise.all(names.map((name) => (Object.hasOwn(this.streams, name) ? this.spool(name) : checkFile(name))))
  }

  private spool(name: string): Promise<Source> {
    const known = this.spooled.get(name)
    if (known) return known
    const spooling = this.write(name)
    this.spooled.set(name, spooling)
    return spooling
  }

  private async write(name: string): Promise<Source> {
    const { label, open } = this.streams[name]
    const number = this.spooled.size
    const path = join(await this.temporaryFolder(), `${number}`)
    const reading = open()
    let fault: unknown // of the stream, in its own words: what fails otherwise is the file
    reading.once('error', (error) => {
      fault = error
    })
    try {
      await pipeline(reading, createWriteStream(path))
    } catch (error) {
      throw fault && !(fault as NodeJS.ErrnoException).syscall
        ? fault
        : fileError(`cannot keep ${label} in ${path}`, error)
    }
    return { path, label }
  }

  /** A new folder, which dispose() removes. */
  async temporaryFolder(): Promise<string> {
    try {
      const folder = makeTemporary()
      this.folders.push(folder)
      return folder
    } catch (error) {
      throw fileError(`cannot make a folder in ${tmpdir()}`, error)
    }
  }

  async dispose(): Promise<void> {
    for (const folder of this.folders.splice(0)) {
      await rm(folder, { recursive: true, force: true })
      temporary.delete(folder)
    }
    if (!temporary.size) process.off('exit', removeTemporary)
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
