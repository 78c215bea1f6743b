import { brotliCompressSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { recogniseSource } from '../../../lib/data/formats/index.js'
import { Tables } from './helpers.js'

const tables = new Tables()

describe('Parquet', () => {
  it('reads pairs of a file with several groups of rows', async () => {
    const user = Array.from({ length: 1000 }, (_, i) => `user ${i % 3}`)
    const item = Array.from({ length: 1000 }, (_, i) => BigInt(i))
    const file = tables.parquet('pairs.parquet', { rating: item, item, user }, { rowGroupSize: 100 })
    const lines = await tables.lines('sets', [file])
    expect(lines.map((line) => JSON.parse(line).length)).toEqual([335, 334, 334])
    expect(JSON.parse(lines[1]).slice(0, 4)).toEqual(['user 1', '1', '4', '7'])
    expect((await recogniseSource(file)).name).toBe('sets')
  })

  it('orders sequences by numbers or dates', async () => {
    const [user, item] = [
      ['u', 'u', 'v', 'u'],
      ['c', 'a', 'x', 'b'],
    ]
    const file = tables.parquet('numbers.parquet', { user, item, timestamp: [3n, 1n, 9n, 2n] })
    expect(await tables.lines('sequences', [file])).toEqual(['a b c', 'x'])
    const time = [3, 1, 9, 2].map((day) => new Date(2026, 1, day))
    expect(await tables.lines('sequences', [tables.parquet('dates.parquet', { user, item, time })])).toEqual([
      'a b c',
      'x',
    ])
    await expect(recogniseSource(file)).rejects.toThrow('--format')
  })

  it('reads lists of items, with and without users', async () => {
    const items = [['a', 'b'], ['c d'], []]
    const schema = [
      { name: 'root', num_children: 1 },
      { name: 'items', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
    ] as const
    const file = tables.parquet('lists.parquet', { items }, { schema: [...schema] })
    expect(await tables.lines('sequences', [file])).toEqual(['["c d"]', 'a b'])
    expect(await tables.lines('sets', [file])).toEqual(['1 a b', '["2","c d"]'])
  })

  it('reads documents', async () => {
    const file = tables.parquet('text.parquet', { title: ['x', 'y'], text: ['one\ntwo', 'three'] })
    expect(await tables.lines('text', [file])).toEqual(['<doc>', 'one', 'two', '<doc>', 'three'])
    expect((await recogniseSource(file)).name).toBe('text')
  })

  it('knows compression by Snappy, gzip, Brotli and none', async () => {
    const bytes = (pack: (from: Uint8Array) => Uint8Array) => (from: Uint8Array) => new Uint8Array(pack(from))
    const compressors = { GZIP: bytes(gzipSync), BROTLI: bytes(brotliCompressSync) }
    for (const codec of ['SNAPPY', 'UNCOMPRESSED', 'GZIP', 'BROTLI'] as const) {
      const file = tables.parquet(
        `${codec}.parquet`,
        { user: ['u', 'u'], item: ['a', 'b'] },
        codec in compressors ? { codec, compressors } : { codec },
      )
      expect(await tables.lines('sets', [file])).toEqual(['u a b'])
    }
  })

  it('tells the row of a fault', async () => {
    const holes = tables.parquet(
      'holes.parquet',
      { user: ['u', 'v', 'w'], item: ['a', 'b', null] },
      { rowGroupSize: 2 },
    )
    await expect(tables.lines('sets', [holes])).rejects.toMatchObject({
      code: 'WIDEHEAD_DATA',
      message: 'holes.parquet:3: the row has no item',
    })
    const flat = tables.parquet('flat.parquet', { items: ['a'] })
    await expect(tables.lines('sets', [flat])).rejects.toThrow('flat.parquet:1: items is no list')
  })

  it('refuses files that are none, or damaged', async () => {
    const none = tables.file('none.parquet', 'user,item\n1,2\n')
    await expect(tables.lines('sets', [none])).rejects.toMatchObject({
      code: 'WIDEHEAD_FILE',
      message: expect.stringContaining('cannot read none.parquet'),
    })
    await expect(tables.lines('sets', [tables.file('empty.parquet', '')])).rejects.toMatchObject({
      code: 'WIDEHEAD_FILE',
    })
    await expect(tables.lines('sets', [{ path: '/nowhere.parquet', label: 'x.parquet' }])).rejects.toMatchObject({
      code: 'WIDEHEAD_FILE',
    })
  })
})
