// The safetensors format, what reader and writer share: eight bytes with the length of a JSON header (little endian), the
// header, then the tensors' bytes one after the other without gaps. The header is padded with spaces so that the tensors
// start at a multiple of 4096 bytes.

import { WideheadError } from '../errors.js'

export const ALIGNMENT = 4096
/** The limit of the format's own library. */
export const LONGEST_HEADER = 100_000_000

export type Dtype = 'F32' | 'F64' | 'I32'
export type TensorArray = Float32Array | Float64Array | Int32Array

export const DTYPES = {
  F32: { bytes: 4, array: Float32Array },
  F64: { bytes: 8, array: Float64Array },
  I32: { bytes: 4, array: Int32Array },
} as const

export type ArrayOf<T extends Dtype> = InstanceType<(typeof DTYPES)[T]['array']>

/** The dtypes of other writers: their lengths are checked, but they are not read. */
export const OTHER_DTYPES: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I64: 8,
  U64: 8,
}

export interface TensorInfo {
  dtype: string
  shape: number[]
  /** Bytes from the start of the tensors' part. */
  begin: number
  end: number
}

export function elementBytes(dtype: string): number | undefined {
  if (Object.hasOwn(DTYPES, dtype)) return DTYPES[dtype as Dtype].bytes
  return Object.hasOwn(OTHER_DTYPES, dtype) ? OTHER_DTYPES[dtype] : undefined
}

/** The number of elements; undefined if the shape is none, or beyond what numbers can count. */
export function elements(shape: unknown): number | undefined {
  if (!Array.isArray(shape)) return undefined
  let count = 1
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) return undefined
    count *= size
    if (!Number.isSafeInteger(count)) return undefined
  }
  return count
}

/** The beginning of a file: `header` as JSON and its length. */
export function headerBytes(header: Readonly<Record<string, unknown>>): Uint8Array {
  const json = Buffer.from(JSON.stringify(header))
  const total = Math.ceil((8 + json.length) / ALIGNMENT) * ALIGNMENT
  const bytes = Buffer.alloc(total, ' ')
  bytes.writeBigUInt64LE(BigInt(total - 8), 0)
  json.copy(bytes, 8)
  return bytes
}

export function badFile(path: string, fault: string): WideheadError {
  return new WideheadError('WIDEHEAD_FILE', `${path}: ${fault}`)
}
