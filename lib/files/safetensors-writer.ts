// Writes safetensors, tensor after tensor and each in pieces: what is written need never be in memory as a whole.

import { writeAtomically, writeFully } from './atomic.js'
import { DTYPES, type Dtype, elements, headerBytes, type TensorArray } from './safetensors.js'

export interface TensorSource {
  name: string
  dtype: Dtype
  shape: number[]
  /** The elements in order, in pieces of any length. */
  pieces: () => Iterable<TensorArray>
}

/** A tensor that is in memory. */
export function tensor(name: string, shape: number[], data: TensorArray): TensorSource {
  const dtype = data instanceof Float32Array ? 'F32' : data instanceof Float64Array ? 'F64' : 'I32'
  return { name, dtype, shape, pieces: () => [data] }
}

export async function writeSafetensors(
  path: string,
  tensors: readonly TensorSource[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeAtomically(path, async (file) => {
    await writeFully(file, header(tensors, metadata))
    for (const { name, dtype, shape, pieces } of tensors) {
      let written = 0
      for (const piece of pieces()) {
        await writeFully(file, new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength))
        written += piece.byteLength
      }
      const promised = byteLength(dtype, shape)
      if (written !== promised) throw new Error(`tensor ${name} has ${written} bytes, its shape says ${promised}`)
    }
  })
}

function byteLength(dtype: Dtype, shape: number[]): number {
  const count = elements(shape)
  if (count === undefined) throw new Error(`shape ${shape} cannot be written`)
  return count * DTYPES[dtype].bytes
}

function header(tensors: readonly TensorSource[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries: [name: string, entry: unknown][] = [['__metadata__', metadata]]
  let offset = 0
  for (const { name, dtype, shape } of tensors) {
    const end = offset + byteLength(dtype, shape)
    entries.push([name, { dtype, shape, data_offsets: [offset, end] }])
    offset = end
  }
  // An object that is filled by assignment loses the name __proto__.
  return headerBytes(Object.fromEntries(entries))
}
