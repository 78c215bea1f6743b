// Streams a file as blocks of lines: plain or gzip (told by its first bytes), UTF-8, \n or \r\n.

import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { WideheadError } from '../errors.js'
import { fileError, type Source } from './source.js'

export interface LineBlock {
  /** Number of the first line, from 1. */
  first: number
  lines: string[]
}

export interface LineOptions {
  /** Cut lines longer than `longest` characters at white space (prose) instead of refusing them. */
  split?: boolean
  /** A byte order mark at the beginning is a part of the first line: for files of ours, which have none. */
  keepMark?: boolean
  /** Default: 2^16 characters where lines may be cut, 2^26 where not. */
  longest?: number
}

/** A fault of one line of data, not yet knowing which: parsers throw it, readers of files add the place. */
export class LineError extends Error {}

const CHUNK_BYTES = 1 << 18

export async function* readBlocks(source: Source, options: LineOptions = {}): AsyncGenerator<LineBlock> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: options.keepMark ?? false })
  const cutter = new LineCutter(source, options)
  try {
    for await (const bytes of await openBytes(source.path)) {
      const block = cutter.take(decoder.decode(bytes as Uint8Array, { stream: true }))
      if (block.lines.length) yield block
    }
  } catch (error) {
    throw fileError(`cannot read ${source.label}`, error)
  }
  const block = cutter.end(decoder.decode())
  if (block.lines.length) yield block
}

/** The first `count` lines (fewer if there are fewer), for telling formats apart. */
export async function firstLines(source: Source, count: number): Promise<string[]> {
  const lines: string[] = []
  for await (const block of readBlocks(source, { split: true })) {
    lines.push(...block.lines.slice(0, count - lines.length))
    if (lines.length >= count) break
  }
  return lines
}

/** Cuts decoded text into lines; keeps the unfinished one until more text comes. */
export class LineCutter {
  private rest = ''
  private next = 1
  private readonly longest: number

  constructor(
    private readonly source: Pick<Source, 'label'>,
    private readonly options: LineOptions = {},
  ) {
    this.longest = options.longest ?? (options.split ? 1 << 16 : 1 << 26)
  }

  take(text: string): LineBlock {
    const lines = (this.rest + text).split('\n')
    this.rest = lines.pop() as string
    const first = this.next
    this.next += lines.length
    if (this.rest.length > this.longest) this.cutRest(lines)
    return { first, lines: this.finish(lines, first) }
  }

  end(text: string): LineBlock {
    const block = this.take(text)
    if (this.rest) block.lines.push(...this.finish([this.rest], this.next))
    this.rest = ''
    return block
  }

  private cutRest(lines: string[]): void {
    if (!this.options.split) throw this.tooLong(this.next)
    const space = this.rest.lastIndexOf(' ')
    const at = space > 0 ? space : this.rest.length
    lines.push(this.rest.slice(0, at))
    this.rest = this.rest.slice(at)
  }

  private finish(lines: string[], first: number): string[] {
    for (let i = 0; i < lines.length; i++) {
      if (lines[i].endsWith('\r')) lines[i] = lines[i].slice(0, -1)
      if (lines[i].length > this.longest && !this.options.split) throw this.tooLong(first + i)
    }
    return lines
  }

  private tooLong(line: number): WideheadError {
    return new WideheadError(
      'WIDEHEAD_DATA',
      `${this.source.label}:${line}: line longer than ${this.longest} characters`,
    )
  }
}

/** The bytes of a file, unpacked if it is gzipped. */
export async function openBytes(path: string): Promise<Readable> {
  const gzip = await isGzip(path)
  const raw = createReadStream(path, { highWaterMark: CHUNK_BYTES })
  if (!gzip) return raw
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES })
  pipeline(raw, gunzip, () => {}) // an error of either ends the iteration over gunzip with that error
  return gunzip
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0)
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b
  } finally {
    await file.close()
  }
}
