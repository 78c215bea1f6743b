// A safetensors file of a checkpoint before it is written: its header, with room for the checksums that writing will find, and the
// tensors of a snapshot that follow.
//
// The metadata begin with `checksums`: eight hexadecimal digits (CRC-32) for each tensor in the order of the file, then those of the
// header itself, computed while they were zeros.

import type { NativeFilePlan, NativeSnapshot, NativeTensor } from '../binding.js'
import { elementBytes, elements, headerBytes } from '../files/safetensors.js'

export const DIGITS = 8
const OPENING = '{"__metadata__":{"checksums":"'

export function tensorBytes({ dtype, shape }: NativeTensor): number {
  return (elements(shape) as number) * (elementBytes(dtype) as number)
}

/** `metadata` is what the file says of itself; `includes` picks its tensors. */
export function planFile(
  path: string,
  snapshot: NativeSnapshot,
  includes: (tensor: NativeTensor) => boolean,
  metadata: Readonly<Record<string, string>>,
): NativeFilePlan {
  const chosen = [...snapshot.tensors.entries()].filter(([, tensor]) => includes(tensor))
  const entries: Record<string, unknown> = {}
  let offset = 0
  for (const [, tensor] of chosen) {
    const { name, dtype, shape } = tensor
    const end = offset + tensorBytes(tensor)
    entries[name] = { dtype, shape, data_offsets: [offset, end] }
    offset = end
  }
  const checksums = '0'.repeat(DIGITS * (chosen.length + 1))
  return {
    path,
    header: headerBytes({ __metadata__: { checksums, ...metadata }, ...entries }),
    checksums: 8 + OPENING.length,
    parts: chosen.map(([number]) => [snapshot.handle, number]),
  }
}
