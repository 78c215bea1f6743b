// Reads safetensors of any writer. Nothing is believed before it is checked against the file's own length, and no memory is
// asked for because of a number that was not: truncated, lying or overlapping headers are errors of one line.

import { type FileHandle, open } from 'node:fs/promises'
import { fileError } from '../data/source.js'
import { brief, parseJson } from './json.js'
import {
  type ArrayOf,
  badFile,
  DTYPES,
  type Dtype,
  elementBytes,
  elements,
  LONGEST_HEADER,
  type TensorInfo,
} from './safetensors.js'

const LONGEST_READ = 2 ** 30

export class SafetensorsFile {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    readonly metadata: Readonly<Record<string, string>>,
    readonly tensors: ReadonlyMap<string, TensorInfo>,
    /** The file up to the tensors. */
    readonly header: Uint8Array,
  ) {}

  static async open(path: string): Promise<SafetensorsFile> {
    const file = await open(path, 'r').catch((error) => {
      throw fileError(`cannot read ${path}`, error)
    })
    try {
      const { bytes, dataBytes } = await readHeader(path, file)
      const { metadata, tensors } = checkHeader(path, parse(path, bytes.subarray(8)), dataBytes)
      return new SafetensorsFile(path, file, metadata, tensors, bytes)
    } catch (error) {
      await file.close()
      throw fileError(`cannot read ${path}`, error)
    }
  }

  /** A whole tensor, which must have this type and shape. */
  async read<T extends Dtype>(name: string, dtype: T, shape: readonly number[]): Promise<ArrayOf<T>> {
    const { begin, end } = this.find(name, dtype, shape)
    return this.readRange(dtype, begin, end)
  }

  /** The same in pieces of `length` elements; the last one may be shorter. */
  async *pieces<T extends Dtype>(
    name: string,
    dtype: T,
    shape: readonly number[],
    length: number,
  ): AsyncGenerator<ArrayOf<T>> {
    const { begin, end } = this.find(name, dtype, shape)
    const bytes = length * DTYPES[dtype].bytes
    for (let at = begin; at < end; at += bytes) yield this.readRange(dtype, at, Math.min(at + bytes, end))
  }

  /** The bytes of a tensor of any type in pieces of at most `length`, one of no bytes if it has none. */
  async *bytes({ begin, end }: TensorInfo, length: number): AsyncGenerator<Uint8Array> {
    for (let at = begin; at < end || at === begin; at += length) {
      const piece = new Uint8Array(Math.min(length, end - at))
      await readFully(this.path, this.file, piece, this.header.length + at)
      yield piece
    }
  }

  private find(name: string, dtype: Dtype, shape: readonly number[]): TensorInfo {
    const info = this.tensors.get(name)
    if (!info) throw badFile(this.path, `tensor ${brief(name)} is missing`)
    const found = `${info.dtype} [${info.shape}]`
    const wanted = `${dtype} [${shape}]`
    if (found !== wanted) throw badFile(this.path, `tensor ${brief(name)} is ${found}, expected ${wanted}`)
    return info
  }

  private async readRange<T extends Dtype>(dtype: T, begin: number, end: number): Promise<ArrayOf<T>> {
    const { array: Type, bytes } = DTYPES[dtype]
    const array = new Type((end - begin) / bytes)
    await readFully(this.path, this.file, new Uint8Array(array.buffer), this.header.length + begin)
    return array as ArrayOf<T>
  }

  async close(): Promise<void> {
    await this.file.close()
  }
}

async function readFully(path: string, file: FileHandle, into: Uint8Array, from: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const length = Math.min(into.length - done, LONGEST_READ)
    const { bytesRead } = await file.read(into, done, length, from + done)
    if (!bytesRead) throw badFile(path, 'the file became shorter while it was read')
    done += bytesRead
  }
}

async function readHeader(path: string, file: FileHandle) {
  const { size } = await file.stat()
  if (size < 8) throw badFile(path, `truncated: ${size} bytes are no safetensors file`)
  const prefix = Buffer.alloc(8)
  await readFully(path, file, prefix, 0)
  const length = prefix.readBigUInt64LE(0)
  if (length > BigInt(Math.min(size - 8, LONGEST_HEADER))) {
    throw badFile(
      path,
      `a header of ${length} bytes does not fit into a file of ${size}: truncated, or no safetensors file`,
    )
  }
  const bytes = Buffer.alloc(8 + Number(length))
  await readFully(path, file, bytes, 0)
  return { bytes, dataBytes: size - bytes.length }
}

function parse(path: string, bytes: Buffer): Record<string, unknown> {
  const header = parseJson(path, 'the header is', bytes.toString('utf8'))
  if (!isObject(header)) throw badFile(path, 'the header is no JSON object')
  return header
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function checkHeader(path: string, header: Record<string, unknown>, dataBytes: number) {
  const { __metadata__: metadata = {}, ...entries } = header
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== 'string')) {
    throw badFile(path, '__metadata__ must be an object of strings')
  }
  const tensors = new Map(Object.entries(entries).map(([name, entry]) => [name, checkEntry(path, name, entry)]))
  let end = 0
  for (const [name, info] of [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (info.begin !== end) throw badFile(path, `tensor ${brief(name)} starts at ${info.begin}, expected ${end}`)
    end = info.end
  }
  if (end !== dataBytes) {
    const fault = end > dataBytes ? 'truncated' : 'longer than its tensors'
    throw badFile(path, `${fault}: ${dataBytes} bytes of tensors, the header says ${end}`)
  }
  return { metadata: metadata as Record<string, string>, tensors }
}

function checkEntry(path: string, name: string, entry: unknown): TensorInfo {
  const fault = (what: string) => badFile(path, `tensor ${brief(name)}: ${what}`)
  if (!isObject(entry)) throw fault('its entry is no object')
  const { dtype, shape, data_offsets: offsets } = entry
  const bytes = typeof dtype === 'string' ? elementBytes(dtype) : undefined
  if (bytes === undefined) throw fault(`unknown dtype ${brief(dtype)}`)
  const count = elements(shape)
  if (count === undefined) throw fault(`shape ${brief(shape)} is none`)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every((o) => Number.isSafeInteger(o) && o >= 0)) {
    throw fault(`data_offsets ${brief(offsets)} are none`)
  }
  const [begin, end] = offsets as [number, number]
  if (end - begin !== count * bytes)
    throw fault(`${end - begin} bytes, but ${dtype} ${brief(shape)} takes ${count * bytes}`)
  return { dtype: dtype as string, shape: shape as number[], begin, end }
}
