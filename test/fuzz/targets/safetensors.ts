// Safetensors: what is accepted reads in full, and is the same after it was written and read again. An input that begins with
// a brace is a header and its data without the length before it, which a mutation would hardly ever get right.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DTYPES, type Dtype, elements, type TensorArray } from '../../../lib/files/safetensors.js'
import { SafetensorsFile } from '../../../lib/files/safetensors-reader.js'
import { writeSafetensors } from '../../../lib/files/safetensors-writer.js'
import { accepted, JSON_MARKS, must, mustEqual, type Target } from '../target.js'

interface Content {
  metadata: unknown
  tensors: { name: string; dtype: string; shape: number[]; data?: TensorArray }[]
}

async function readAll(path: string): Promise<Content> {
  const file = await SafetensorsFile.open(path)
  try {
    const content: Content = { metadata: file.metadata, tensors: [] }
    for (const [name, { dtype, shape }] of file.tensors) {
      const known = Object.hasOwn(DTYPES, dtype) ? (dtype as Dtype) : undefined
      const data = known && (await file.read(name, known, shape))
      must(!data || data.length === elements(shape), `tensor ${name} has ${data?.length} elements`)
      content.tensors.push({ name, dtype, shape, data })
    }
    return content
  } finally {
    await file.close()
  }
}

function framed(input: Buffer): Buffer {
  const header = input.subarray(0, input.lastIndexOf('}') + 1)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  return Buffer.concat([length, input])
}

const bytes = (data: TensorArray) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')

const HEADER = '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'

export const safetensors: Target = {
  name: 'safetensors',
  dictionary: [...JSON_MARKS, '"__proto__"', '"__metadata__":{}', '"dtype":"F32"', '"I32"', '"F64"', '"U8"']
    .concat([
      '"shape":[]',
      '"shape":[0]',
      '"shape":[1,2]',
      '"data_offsets":[0,0]',
      '"data_offsets":[0,4]',
      'null',
      '1e400',
    ])
    .concat(['"b":{"dtype":"I32","shape":[],"data_offsets":[8,12]}', '\\u0000', '\\ud800', '\x00\x00\x80\x7f']),
  seeds: [
    `${HEADER}12345678`,
    '{}',
    '{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]},"":{"dtype":"F64","shape":[0,3],"data_offsets":[2,2]}}ab',
    '{"__proto__":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}abcd',
    '\x02\x00\x00\x00\x00\x00\x00\x00{}',
    '\xff\xff\xff\xff\xff\xff\xff\xff{}',
  ],

  async check(input, folder) {
    const path = join(folder, 'a.safetensors')
    writeFileSync(path, input[0] === 0x7b ? framed(input) : input)
    const first = await accepted(input, () => readAll(path))
    const tensors = first?.value.tensors ?? []
    if (!first || tensors.some(({ data }) => !data)) return
    const metadata = first.value.metadata as Record<string, string>
    const written = tensors.map(({ name, dtype, shape, data }) => {
      return { name, dtype: dtype as Dtype, shape, pieces: () => [data as TensorArray] }
    })
    await writeSafetensors(path, written, metadata)
    const second = await readAll(path)
    mustEqual(second.metadata, metadata, 'metadata')
    const plain = (content: Content) =>
      content.tensors.map(({ name, dtype, shape, data }) => [name, dtype, shape, data && bytes(data)])
    mustEqual(plain(second).sort(), plain(first.value).sort(), 'tensors')
    const start = 8 + Number(readFileSync(path).readBigUInt64LE(0))
    must(start % 4096 === 0, `tensors start at ${start}`)
  },
}
