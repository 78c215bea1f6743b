import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { recogniseSource } from '../../../lib/data/formats/index.js'
import { Tables } from './helpers.js'

const tables = new Tables()
let count = 0
const csv = (content: string | Uint8Array, end = 'csv') => tables.file(`file-${count++}.${end}`, content)

describe('CSV', () => {
  it('puts the rows of a user together, wherever they lie', async () => {
    const file = csv('user,item\nann,a\nbob,b\nann,c\ncyd,a\nbob,a\n')
    expect(await tables.lines('sets', [file])).toEqual(['ann a c', 'bob b a', 'cyd a'])
    expect(await tables.lines('sequences', [file])).toEqual(['a', 'a c', 'b a'])
  })

  it('and in several files', async () => {
    const files = [csv('user,item\nann,a\nbob,b\n'), csv('item,user\nc,ann\n')]
    expect(await tables.lines('sets', files)).toEqual(['ann a c', 'bob b'])
  })

  it('orders sequences by time, and equal times as they stand', async () => {
    const rows = 'u,c,30\nu,a,10\nu,b,20\nu,x,10\n'
    expect(await tables.lines('sequences', [csv(`user,item,timestamp\n${rows}`)])).toEqual(['a x b c'])
    const dates = 'u,b,2026-02-01T00:00:00Z\nu,a,2026-01-31\n'
    expect(await tables.lines('sequences', [csv(`user,item,time\n${dates}`)])).toEqual(['a b'])
    expect(await tables.lines('sets', [csv(`user,item,timestamp\n${rows}`)])).toEqual(['u c a b x'])
  })

  it('knows quotes, blanks, byte order mark, line ends, other columns and other separators', async () => {
    const quoted = '\ufeffUser_ID;rating;Item-Id\r\n"o""hara"; 5;"a;1"\r\n\r\n o"hara ;4; b\r\n'
    await expect(tables.lines('sets', [csv(quoted)])).rejects.toThrow(/file-\d+\.csv:4: .*quote/i)
    const file = csv(quoted.replace(' o"hara ', '"o""hara"'))
    expect(await tables.lines('sets', [file])).toEqual(['o"hara a;1 b'])
    expect(await tables.lines('sets', [csv('user\titem\nann\ta,b\n', 'tsv')])).toEqual(['ann a,b'])
    expect(await tables.lines('sets', [csv(gzipSync('user,item\nann,a\n'), 'csv.gz')])).toEqual(['ann a'])
  })

  it('tells the separator by the first line that is not empty', async () => {
    for (const mark of [';', '\t']) {
      const file = csv(`\n\r\nuser${mark}item\nann${mark}a,1\n`)
      expect(await tables.lines('sets', [file])).toEqual(['ann a,1'])
    }
  })

  it('keeps ids with white space whole', async () => {
    const file = csv('user,item\nann lee,Toy Story (1995)\nann lee,[x]\n[b],y\n')
    expect(await tables.lines('sets', [file])).toEqual(['["[b]","y"]', '["ann lee","Toy Story (1995)","[x]"]'])
  })

  it('takes columns by name, or by number where there is no header', async () => {
    const named = csv('userId,movieId,rating\n1,10,5\n1,11,3\n')
    expect(await tables.lines('sets', [named], { user: 'userId', item: 'movieId' })).toEqual(['1 10 11'])
    const bare = tables.file('ratings.dat', '1,10\n1,11\n')
    expect(await tables.lines('sets', [bare], { user: '1', item: '2' })).toEqual(['1 10 11'])
    expect(await tables.lines('sets', [bare], { user: '2', item: '1' })).toEqual(['10 1', '11 1'])
  })

  it('reads documents of a column of text', async () => {
    const file = csv('id,text\n1,"one two\nthree"\n2,four\n')
    expect(await tables.lines('text', [file])).toEqual(['<doc>', 'one two', 'three', '<doc>', 'four'])
  })

  it('groups more than memory is to hold', async () => {
    const rows = Array.from({ length: 150_000 }, (_, i) => `user-${i % 5},a rather long name of an item ${i}`)
    const lines = await tables.lines('sets', [csv(`user,item\n${rows.join('\n')}\n`)])
    expect(lines.length).toBe(5)
    for (const [user, line] of lines.entries()) {
      const [owner, ...items] = JSON.parse(line)
      expect(owner).toBe(`user-${user}`)
      expect(items).toEqual(Array.from({ length: 30_000 }, (_, i) => `a rather long name of an item ${5 * i + user}`))
    }
  })

  it.each([
    ['user,item\nann,a\nbob\n', 'csv:3: the row ends before column 2'],
    ['user,item\nann,\n', 'csv:2: the row has no item'],
    ['user,item\n,a\n', 'csv:2: the row has no user'],
    ['user,item\nann,"a\nb"\n', 'csv:3: the item "a\\nb" holds a tab or a line break'],
    ['user,item\nann,"a\n', 'csv:2: Quote Not Closed'],
    ['customer,product\nann,a\n', 'no columns user and item, items, or text among (customer, product): say which'],
    ['', 'the file is empty'],
  ])('refuses %j', async (content, message) => {
    await expect(tables.lines('sets', [csv(content)])).rejects.toThrow(message)
  })

  it('refuses times that are none', async () => {
    const file = csv('user,item,time\nann,a,1\nann,b,soon\n')
    await expect(tables.lines('sequences', [file])).rejects.toThrow(
      'csv:3: the time soon is neither a number nor a date',
    )
  })

  it('refuses columns that are not there, and what fits no format', async () => {
    const file = csv('user,item\nann,a\n')
    const lines = (columns: Record<string, string>) => tables.lines('sets', [file], columns)
    await expect(lines({ user: 'user', item: 'movie' })).rejects.toThrow(
      'has no column "movie", which --columns names as item',
    )
    await expect(lines({ user: '1', item: '3' })).rejects.toThrow('has 2 columns, --columns names 3 as item')
    await expect(tables.lines('text', [file])).rejects.toThrow('has no column text')
    await expect(tables.lines('xmc', [file])).rejects.toMatchObject({ code: 'WIDEHEAD_USAGE' })
    await expect(tables.lines('sets', [csv('text\nhello\n')])).rejects.toThrow('has no columns user and item')
  })

  it('leaves files of lines as they are', async () => {
    const plain = tables.file('plain.txt', '1 a b\n')
    expect(await tables.lines('sets', [plain, csv('user,item\n2,c\n')])).toEqual(['1 a b', '2 c'])
  })

  it('tells the format by the columns', async () => {
    const told = async (header: string) => (await recogniseSource(csv(`${header}\n1,2,3\n`))).name
    expect(await told('user,item,rating')).toBe('sets')
    expect(await told('text,a,b')).toBe('text')
    await expect(told('user,item,timestamp')).rejects.toThrow(
      'may be of the format sets or sequences: say which with --format',
    )
  })
})
