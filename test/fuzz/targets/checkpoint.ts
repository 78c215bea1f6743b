// The header of a file of a checkpoint. An input is that header, and the tensors' bytes after its last brace; its checksums are
// set right, which a mutation would never do. What is accepted reads in full.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { DIGITS } from '../../../lib/checkpoint/file-plan.js'
import { StateFile } from '../../../lib/checkpoint/load.js'
import { headerBytes } from '../../../lib/files/safetensors.js'
import { accepted, JSON_MARKS, must, type Target } from '../target.js'

const METADATA = {
  format: 'widehead state',
  formatVersion: '1',
  widehead: '0.1.0',
  content: 'head',
  kind: 'exact',
  config: '{"numClasses":2,"hiddenSize":1}',
  resolved: '{"seed":0}',
  step: '3',
  facts: '{"position":{"epoch":1}}',
}
const TENSORS = {
  U: { dtype: 'F64', shape: [1, 1], data_offsets: [0, 8] },
  log: { dtype: 'U8', shape: [3], data_offsets: [8, 11] },
}

type Json = Record<string, unknown>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const digits = (bytes: Uint8Array) => crc32(bytes).toString(16).padStart(DIGITS, '0')

/** The file with its checksums; as it is where they have no place. */
function sealed(input: Buffer): Buffer {
  const end = input.lastIndexOf('}') + 1
  let header: unknown
  try {
    header = JSON.parse(input.toString('utf8', 0, end))
  } catch {}
  if (!isObject(header) || !isObject(header.__metadata__)) return input
  const { __metadata__: given, ...entries } = header
  const data = input.subarray(end)
  const offsets = Object.values(entries).map((entry) => (isObject(entry) ? entry.data_offsets : undefined))
  const ranges = offsets.filter((range) => Array.isArray(range) && range.every(Number.isSafeInteger)) as number[][]
  ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  const checksums = ranges.map(([begin, stop]) => digits(data.subarray(begin, stop))).join('') + '0'.repeat(DIGITS)
  const bytes = headerBytes(
    Object.fromEntries([['__metadata__', { ...(given as Json), checksums }], ...Object.entries(entries)]),
  )
  const at = Buffer.from(bytes).indexOf(checksums) + checksums.length - DIGITS
  Buffer.from(bytes.buffer, bytes.byteOffset).write(digits(bytes), at, 'latin1')
  return Buffer.concat([bytes, data])
}

async function readAll(path: string): Promise<void> {
  const state = await StateFile.open(path, 'head')
  try {
    const { step, kind, config, resolved, facts } = state.header
    must(Number.isSafeInteger(step) && step >= 0, `step ${step}`)
    must(typeof kind === 'string', `kind ${kind}`)
    for (const object of [config, resolved, facts])
      must(typeof object === 'object' && object !== null, 'the metadata hold objects')
    JSON.stringify([config, resolved]) // as loading does, which compares them
    for (const [name, { begin, end }] of state.file.tensors) {
      must((await state.read(name)).length === end - begin, `tensor ${name} is read in full`)
    }
  } finally {
    await state.close()
  }
}

export const checkpoint: Target = {
  name: 'checkpoint',
  dictionary: [...JSON_MARKS, '\\"', '"step":"0"', '"step":"1e3"', '"facts":"{}"', '"facts":"[]"', '"config":"null"']
    .concat([
      '"__proto__":',
      '"dtype":"F32"',
      '"I32"',
      '"shape":[]',
      '"data_offsets":[0,0]',
      '"kind":5',
      '"content":"rows"',
    ])
    .concat(['"checksums":""', '[[[[', '"formatVersion":"2"', '\\u0000', '\\ud800', ' ']),
  seeds: [
    `${JSON.stringify({ __metadata__: METADATA, ...TENSORS })}12345678abc`,
    JSON.stringify({ __metadata__: { ...METADATA, facts: '{"a":[[1]]}', step: '0' } }),
    '{"__metadata__":{}}',
  ],

  async check(input, folder) {
    const path = join(folder, 'head.safetensors')
    writeFileSync(path, sealed(input))
    await accepted(input, () => readAll(path))
  },
}
