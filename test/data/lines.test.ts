import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { firstLines, LineCutter, readBlocks } from '../../lib/data/lines.js'
import { Sources, stdinAs } from '../../lib/data/source.js'

const folder = mkdtempSync(join(tmpdir(), 'widehead-lines-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string | Buffer) {
  const path = join(folder, name)
  writeFileSync(path, content)
  return { path, label: name }
}

async function read(source: { path: string; label: string }, options = {}) {
  const numbered: [number, string][] = []
  for await (const { first, lines } of readBlocks(source, options)) {
    lines.forEach((line, i) => {
      numbered.push([first + i, line])
    })
  }
  return numbered
}

describe('readBlocks', () => {
  it('numbers lines from 1, with \\n, \\r\\n and no end of the last line', async () => {
    expect(await read(file('a', 'one\r\ntwo\n\nfour'))).toEqual([
      [1, 'one'],
      [2, 'two'],
      [3, ''],
      [4, 'four'],
    ])
    expect(await read(file('b', 'one\n'))).toEqual([[1, 'one']])
    expect(await read(file('empty', ''))).toEqual([])
  })

  it('gives the same lines whatever the size of the file, plain or gzip', async () => {
    const lines = Array.from({ length: 60_000 }, (_, i) => `zeile ${i} größer ${'x'.repeat(i % 37)}`)
    const content = lines.join('\n')
    const plain = await read(file('large', content))
    expect(plain.map(([, line]) => line)).toEqual(lines)
    expect(plain.at(-1)?.[0]).toBe(60_000)
    expect(await read(file('large.gz', gzipSync(content)))).toEqual(plain)
    expect(await read(file('gzip-by-its-bytes', gzipSync(content)))).toEqual(plain)
  })

  it('reports a damaged gzip file', async () => {
    const whole = gzipSync(Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * i) % 251)))
    await expect(read(file('cut.gz', whole.subarray(0, whole.length / 2)))).rejects.toMatchObject({
      code: 'WIDEHEAD_FILE',
      message: expect.stringContaining('cut.gz'),
    })
  })

  it('refuses a line that is too long, or cuts it at white space where that is allowed', async () => {
    const source = file('long', `short\n${'word '.repeat(1000)}\nlast\n`)
    await expect(read(source, { longest: 1000 })).rejects.toMatchObject({
      code: 'WIDEHEAD_DATA',
      message: 'long:2: line longer than 1000 characters',
    })
    const cutter = new LineCutter({ label: 'x' }, { split: true, longest: 10 })
    const pieces = [...cutter.take('alpha beta gamma').lines, ...cutter.end('').lines]
    expect(pieces).toEqual(['alpha beta', ' gamma'])
  })

  it('looks at first lines only', async () => {
    expect(await firstLines(file('first', 'a\nb\nc\nd'), 2)).toEqual(['a', 'b'])
    expect(await firstLines(file('first2', 'a'), 2)).toEqual(['a'])
  })
})

describe('Sources', () => {
  it('keeps standard input in a temporary file for several passes, and removes it', async () => {
    const sources = new Sources(stdinAs(Readable.from([Buffer.from('a b\n'), Buffer.from('c d\n')])))
    const [source, again] = await sources.open(['-', '-'])
    expect(again).toBe(source)
    expect(source.label).toBe('<stdin>')
    expect(await read(source)).toEqual(await read(source))
    expect((await read(source)).length).toBe(2)
    await sources.dispose()
    await expect(read(source)).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
  })

  it('names what cannot be read', async () => {
    const sources = new Sources(stdinAs(Readable.from([])))
    const missing = join(folder, 'missing')
    await expect(sources.open([missing])).rejects.toMatchObject({
      code: 'WIDEHEAD_FILE',
      message: `cannot read ${missing}: no such file or folder`,
    })
    await expect(sources.open([folder])).rejects.toMatchObject({ message: `cannot read ${folder}: it is a folder` })
  })
})
