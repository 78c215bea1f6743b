// The files that embeddings are exported to. Each is streamed, so that a table need never be in memory twice.

import type { FileHandle } from 'node:fs/promises'
import { writeAtomically, writeFully } from '../files/atomic.js'
import { type TensorSource, tensor, writeSafetensors } from '../files/safetensors-writer.js'
import type { Embeddings } from './embeddings.js'

type Writer = (path: string, embeddings: Embeddings) => Promise<void>

/** By name. Those without names in the file itself put them beside it, in PATH.names.txt, one a line. */
export const EXPORTS = {
  /** `count width`, then `name number number ...` a line: what word2vec -binary 0 writes. */
  word2vec: textFile(
    ({ count, width }) => `${count} ${width}\n`,
    (name, row) => `${plainName(name)} ${row.join(' ')}\n`,
  ),
  /** `count width`, then `name `, float32 numbers and a newline: what word2vec -binary 1 writes. */
  'word2vec-binary': binaryFile(
    ({ count, width }) => Buffer.from(`${count} ${width}\n`),
    (name, row) => [Buffer.from(`${plainName(name)} `), bytesOf(row), NEWLINE],
  ),
  /** `weight` [count, width] and, where there are biases, `bias` [count]. */
  safetensors: named(async (path, { count, width, blocks, biases }) => {
    const weight: TensorSource = { name: 'weight', dtype: 'F32', shape: [count, width], pieces: blocks }
    await writeSafetensors(path, [weight, ...(biases ? [tensor('bias', [count], biases())] : [])])
  }),
  /** A float32 array [count, width] of numpy. */
  npy: named(binaryFile(npyHeader, (_, row) => [bytesOf(row)])),
  /** A header, then `name,number,number,...` a line, names quoted where they must be (RFC 4180). */
  csv: textFile(
    ({ width }) => `name,${Array.from({ length: width }, (_, i) => i).join(',')}\r\n`,
    (name, row) => `${quoted(name)},${row.join(',')}\r\n`,
  ),
} as const satisfies Record<string, Writer>

export type ExportFormat = keyof typeof EXPORTS
export const EXPORT_FORMATS = Object.keys(EXPORTS) as ExportFormat[]

/** Of a path what is written there: names may have a file of their own. */
export function exportedFiles(format: ExportFormat, path: string): string[] {
  const named: readonly ExportFormat[] = ['safetensors', 'npy']
  return named.includes(format) ? [path, namesFile(path)] : [path]
}

function namesFile(path: string): string {
  return `${path}.names.txt`
}

const NEWLINE = Buffer.from('\n')
const BATCH = 2 ** 20 // bytes gathered for one write

function bytesOf(row: Float32Array): Uint8Array {
  return new Uint8Array(row.buffer, row.byteOffset, row.byteLength)
}

/** Names end at white space in word2vec's files. */
function plainName(name: string): string {
  return name.replace(/\s+/g, '_')
}

function quoted(name: string): string {
  return /[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name
}

/** Version 1.0 of the format: the header is padded so that the array begins at a multiple of 64 bytes. */
function npyHeader({ count, width }: Embeddings): Uint8Array {
  const facts = `{'descr': '<f4', 'fortran_order': False, 'shape': (${count}, ${width}), }`
  const length = Math.ceil((10 + facts.length + 1) / 64) * 64 - 10
  const header = Buffer.alloc(10 + length, ' ')
  header.write('\x93NUMPY\x01\x00', 'latin1')
  header.writeUInt16LE(length, 8)
  header.write(facts, 10, 'latin1')
  header[header.length - 1] = 0x0a
  return header
}

function* rowsOf({ width, name, blocks }: Embeddings): Iterable<{ name: string; row: Float32Array }> {
  let next = 0
  for (const block of blocks()) {
    for (let at = 0; at < block.length; at += width) yield { name: name(next++), row: block.subarray(at, at + width) }
  }
}

function textFile(head: (embeddings: Embeddings) => string, line: (name: string, row: Float32Array) => string): Writer {
  return binaryFile(
    (embeddings) => Buffer.from(head(embeddings)),
    (name, row) => [Buffer.from(line(name, row))],
  )
}

function binaryFile(
  head: (embeddings: Embeddings) => Uint8Array,
  record: (name: string, row: Float32Array) => Uint8Array[],
): Writer {
  return (path, embeddings) =>
    writeAtomically(path, async (file) => {
      const output = new Gathered(file)
      await output.add(head(embeddings))
      for (const { name, row } of rowsOf(embeddings)) {
        for (const bytes of record(name, row)) await output.add(bytes)
      }
      await output.flush()
    })
}

/** For formats that have no place for names. */
function named(write: Writer): Writer {
  return async (path, embeddings) => {
    await write(path, embeddings)
    await writeAtomically(namesFile(path), async (file) => {
      const output = new Gathered(file)
      for (let row = 0; row < embeddings.count; row++) await output.add(Buffer.from(`${embeddings.name(row)}\n`))
      await output.flush()
    })
  }
}

/** Small writes become large ones. */
class Gathered {
  private parts: Uint8Array[] = []
  private bytes = 0

  constructor(private readonly file: FileHandle) {}

  async add(bytes: Uint8Array): Promise<void> {
    this.parts.push(bytes)
    this.bytes += bytes.length
    if (this.bytes >= BATCH) await this.flush()
  }

  async flush(): Promise<void> {
    await writeFully(this.file, Buffer.concat(this.parts))
    this.parts = []
    this.bytes = 0
  }
}
