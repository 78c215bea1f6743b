import { chmodSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { SafetensorsFile } from '../../lib/files/safetensors-reader.js'
import { tensor, writeSafetensors } from '../../lib/files/safetensors-writer.js'
import { temporaryFolder } from '../data/helpers.js'

const folder = temporaryFolder()
let count = 0
const fresh = () => join(folder, `${count++}.safetensors`)

const weight = Float32Array.of(1, -2.5, Number.NaN, 4, 5, 6)
const counts = Float64Array.of(2 ** 53, 0.1)

async function written(): Promise<string> {
  const path = fresh()
  const tensors = [
    tensor('counts', [2], counts),
    tensor('a.weight', [3, 2], weight),
    tensor('none', [0, 7], new Int32Array()),
  ]
  await writeSafetensors(path, tensors, { step: '12', note: 'größe' })
  return path
}

/** A file made by hand: a header of any kind, then bytes of data. */
function forged(header: unknown, dataBytes: number, headerLength?: bigint): string {
  const path = fresh()
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(headerLength ?? BigInt(json.length))
  writeFileSync(path, Buffer.concat([prefix, json, Buffer.alloc(dataBytes)]))
  return path
}

const entry = (begin: number, end: number, shape: unknown = [(end - begin) / 4], dtype: unknown = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
})

describe('safetensors', () => {
  it('reads what it wrote, whole and in pieces', async () => {
    const file = await SafetensorsFile.open(await written())
    expect(file.metadata).toEqual({ step: '12', note: 'größe' })
    expect([...file.tensors.keys()]).toEqual(['counts', 'a.weight', 'none'])
    expect(await file.read('a.weight', 'F32', [3, 2])).toEqual(weight)
    expect(await file.read('counts', 'F64', [2])).toEqual(counts)
    expect(await file.read('none', 'I32', [0, 7])).toEqual(new Int32Array())
    const pieces = []
    for await (const piece of file.pieces('a.weight', 'F32', [3, 2], 4)) pieces.push([...piece])
    expect(pieces).toEqual([
      [1, -2.5, Number.NaN, 4],
      [5, 6],
    ])
    await file.close()
  })

  it('is laid out as the format says, tensors from a multiple of 4096 on', async () => {
    const bytes = readFileSync(await written())
    const length = Number(bytes.readBigUInt64LE(0))
    expect((8 + length) % 4096).toBe(0)
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString())
    expect(header['a.weight']).toEqual({ dtype: 'F32', shape: [3, 2], data_offsets: [16, 40] })
    expect(bytes.readFloatLE(8 + length + 16 + 4)).toBe(-2.5)
    expect(bytes.length).toBe(8 + length + 40)
  })

  it('keeps a name that is a name of Object', async () => {
    const path = fresh()
    const names = ['__proto__', 'constructor']
    await writeSafetensors(
      path,
      names.map((name, i) => tensor(name, [1], Int32Array.of(i))),
    )
    const file = await SafetensorsFile.open(path)
    expect([...file.tensors.keys()]).toEqual(names)
    expect(await file.read('__proto__', 'I32', [1])).toEqual(Int32Array.of(0))
    await file.close()
  })

  it('writes a tensor in pieces, and notices when they are not what the shape says', async () => {
    const path = fresh()
    const pieces = (list: Float32Array[]) => [{ name: 'w', dtype: 'F32' as const, shape: [2, 2], pieces: () => list }]
    await writeSafetensors(path, pieces([Float32Array.of(1, 2, 3), Float32Array.of(4)]))
    const before = readFileSync(path)
    await expect(writeSafetensors(path, pieces([Float32Array.of(1, 2, 3)]))).rejects.toThrow(
      /12 bytes, its shape says 16/,
    )
    expect(readFileSync(path)).toEqual(before) // the old file stands, and nothing is left beside it
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('reports a folder that is missing or cannot be written', async () => {
    const missing = join(folder, 'missing', 'x.safetensors')
    await expect(writeSafetensors(missing, [])).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
    if (process.getuid?.() === 0) return // root may write everywhere
    chmodSync(folder, 0o500)
    await expect(writeSafetensors(fresh(), [])).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
    chmodSync(folder, 0o700)
  })

  it('notices every truncation', async () => {
    const path = await written()
    const { size } = statSync(path)
    for (const length of [size - 1, size - 40, 4096, 4095, 100, 9, 8, 7, 0]) {
      truncateSync(path, length)
      await expect(SafetensorsFile.open(path)).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
    }
  })

  it('refuses tensors that are missing or of another type or shape', async () => {
    const file = await SafetensorsFile.open(await written())
    await expect(file.read('weight', 'F32', [3, 2])).rejects.toThrow('tensor "weight" is missing')
    await expect(file.read('a.weight', 'F32', [2, 3])).rejects.toThrow('"a.weight" is F32 [3,2], expected F32 [2,3]')
    await expect(file.read('a.weight', 'F64', [3, 2])).rejects.toThrow('expected F64 [3,2]')
    await file.close()
  })

  it.each<[string, () => string, RegExp]>([
    ['a header longer than the file', () => forged('{}', 0, 3n), /header of 3 bytes does not fit into a file of 10/],
    ['a header longer than any memory', () => forged('{}', 0, 2n ** 63n), /does not fit/],
    ['no JSON', () => forged('{"a', 0), /no JSON/],
    ['no object', () => forged('[1]', 0), /no JSON object/],
    [
      'what would overflow the stack',
      () => forged(`{"w":${'['.repeat(1e5)}${']'.repeat(1e5)}}`, 0),
      /nested more than/,
    ],
    ['metadata that is no strings', () => forged({ __metadata__: { a: 1 } }, 0), /__metadata__/],
    ['an entry that is no object', () => forged({ w: 3 }, 0), /its entry is no object/],
    ['an unknown dtype', () => forged({ w: entry(0, 4, [1], 'F99') }, 4), /unknown dtype "F99"/],
    ['a dtype that is a name of Object', () => forged({ w: entry(0, 4, [1], 'toString') }, 4), /unknown dtype/],
    ['a negative shape', () => forged({ w: entry(0, 4, [-1, -1]) }, 4), /shape \[-1,-1\] is none/],
    ['a shape beyond counting', () => forged({ w: entry(0, 4, [2 ** 40, 2 ** 40]) }, 4), /is none/],
    ['a shape that is not its bytes', () => forged({ w: entry(0, 4, [2 ** 40]) }, 4), /4 bytes, but F32/],
    ['offsets that are none', () => forged({ w: { dtype: 'F32', shape: [1], data_offsets: [0] } }, 4), /data_offsets/],
    ['offsets that fall', () => forged({ w: entry(4, 0, [1]) }, 4), /bytes, but F32/],
    ['overlapping tensors', () => forged({ v: entry(0, 8), w: entry(4, 12) }, 12), /"w" starts at 4, expected 8/],
    ['a gap', () => forged({ v: entry(0, 4), w: entry(8, 12) }, 12), /"w" starts at 8, expected 4/],
    [
      'tensors beyond the end',
      () => forged({ w: entry(0, 400) }, 8),
      /truncated: 8 bytes of tensors, the header says 400/,
    ],
    ['bytes after the tensors', () => forged({ w: entry(0, 4) }, 8), /longer than its tensors/],
  ])('refuses %s', async (_, make, message) => {
    const opening = SafetensorsFile.open(make())
    await expect(opening).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
    await expect(opening).rejects.toThrow(message)
  })

  it('takes what other writers write: no padding, any order, other dtypes beside', async () => {
    const path = forged({ w: entry(2, 10), half: entry(0, 2, [1], 'BF16'), scalar: entry(10, 14, []) }, 14)
    const file = await SafetensorsFile.open(path)
    expect(await file.read('w', 'F32', [2])).toEqual(new Float32Array(2))
    expect(await file.read('scalar', 'F32', [])).toEqual(new Float32Array(1))
    await file.close()
  })
})
