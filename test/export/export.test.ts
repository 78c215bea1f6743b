// What widehead export writes, read back as other programs read it.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { EXPORT_FORMATS, EXPORTS } from '../../lib/export/formats.js'
import { SafetensorsFile } from '../../lib/files/safetensors-reader.js'
import { loadHead, Trunk } from '../../lib/index.js'
import { CORPORA, widehead } from '../cli/helpers.js'
import { temporaryFolder } from '../data/helpers.js'

const folder = temporaryFolder()
const path = (name: string) => join(folder, name)
const names = ['plain', 'two words', 'a "quoted", one', 'größe']
const rows = Float32Array.of(1, -2.5, 1e-30, 3.4e38, 0.1, -0, 7, 8)
const table = {
  count: 4,
  width: 2,
  name: (row: number) => names[row],
  blocks: () => [rows.subarray(0, 2), rows.subarray(2, 8)],
}

interface Read {
  names: string[]
  values: number[]
}

/** As gensim's load_word2vec_format does. */
function readWord2vec(bytes: Buffer, binary: boolean): Read {
  let at = bytes.indexOf('\n') + 1
  const [count, width] = bytes.toString('utf8', 0, at).trim().split(' ').map(Number)
  const read: Read = { names: [], values: [] }
  for (let i = 0; i < count; i++) {
    if (binary) {
      while (bytes[at] === 10) at++
      const space = bytes.indexOf(' ', at)
      read.names.push(bytes.toString('utf8', at, space))
      for (let j = 0; j < width; j++) read.values.push(bytes.readFloatLE(space + 1 + 4 * j))
      at = space + 1 + 4 * width
    } else {
      const end = bytes.indexOf('\n', at)
      const [name, ...values] = bytes.toString('utf8', at, end).split(' ')
      read.names.push(name)
      read.values.push(...values.map(Number))
      at = end + 1
    }
  }
  return read
}

function readNpy(bytes: Buffer): { shape: number[]; values: number[] } {
  expect(bytes.toString('latin1', 0, 8)).toBe('\x93NUMPY\x01\x00')
  const start = 10 + bytes.readUInt16LE(8)
  expect(start % 64).toBe(0)
  const header = bytes.toString('latin1', 10, start)
  expect(header).toMatch(/^\{'descr': '<f4', 'fortran_order': False, 'shape': \(\d+, \d+\), \} *\n$/)
  const shape = (/\((\d+), (\d+)\)/.exec(header) as string[]).slice(1).map(Number)
  const values = Array.from({ length: (bytes.length - start) / 4 }, (_, i) => bytes.readFloatLE(start + 4 * i))
  return { shape, values }
}

describe('formats', () => {
  const plain = ['plain', 'two_words', 'a_"quoted",_one', 'größe']

  it.each([
    ['word2vec', false],
    ['word2vec-binary', true],
  ] as const)('%s', async (format, binary) => {
    await EXPORTS[format](path(format), table)
    const read = readWord2vec(readFileSync(path(format)), binary)
    expect(read.names).toEqual(plain)
    expect(read.values.map(Math.fround)).toEqual([...rows].map((x) => (binary ? x : x + 0)))
  })

  it('npy', async () => {
    await EXPORTS.npy(path('a.npy'), table)
    expect(readNpy(readFileSync(path('a.npy')))).toEqual({ shape: [4, 2], values: [...rows] })
    expect(readFileSync(path('a.npy.names.txt'), 'utf8').trimEnd().split('\n')).toEqual(names)
  })

  it('safetensors, with biases', async () => {
    const biases = Float32Array.of(1, 2, 3, 4)
    await EXPORTS.safetensors(path('a.safetensors'), { ...table, biases: () => biases })
    const file = await SafetensorsFile.open(path('a.safetensors'))
    expect(await file.read('weight', 'F32', [4, 2])).toEqual(rows)
    expect(await file.read('bias', 'F32', [4])).toEqual(biases)
    await file.close()
  })

  it('csv', async () => {
    await EXPORTS.csv(path('a.csv'), table)
    const lines = readFileSync(path('a.csv'), 'utf8').split('\r\n')
    expect(lines[0]).toBe('name,0,1')
    expect(lines[3]).toBe('"a ""quoted"", one",0.10000000149011612,0')
    expect(lines.length).toBe(6)
  })
})

describe('widehead export', () => {
  const model = path('model')
  beforeAll(async () => {
    for (const name of ['sets', 'text', 'xmc'] as const) writeFileSync(path(name), CORPORA[name])
    const options = ['--hidden', '8', '--epochs', '2', '--format', 'sets', '--bias']
    expect((await widehead(['train', '--train', path('sets'), '--out', model, ...options])).code).toBe(0)
  })

  it.each(['output', 'input'])('writes the %s embeddings in every format', async (which) => {
    const vocabulary = readFileSync(join(model, 'vocabulary.txt'), 'utf8').trimEnd().split('\n')
    const [head, trunk] = [await loadHead(join(model, 'checkpoints')), await Trunk.load(join(model, 'checkpoints'))]
    const all = Int32Array.from(vocabulary, (_, i) => i)
    const expected = [...(which === 'output' ? head.rows(all) : trunk.rows(0, vocabulary.length))]
    for (const format of EXPORT_FORMATS) {
      const out = path(`${which}.${format}`)
      const args = ['export', '--model', model, '--out', out, '--format', format, '--embeddings', which]
      const { code, stderr } = await widehead(args)
      expect([code, stderr]).toEqual([
        0,
        expect.stringContaining(`${vocabulary.length} ${which} embeddings of width 8`),
      ])
      expect((await widehead(args)).code).toBe(2) // it is there already
      expect((await widehead([...args, '--overwrite'])).code).toBe(0)
    }
    const text = readWord2vec(readFileSync(path(`${which}.word2vec`)), false)
    expect(text.names).toEqual(vocabulary)
    expect(text.values.map(Math.fround)).toEqual(expected)
    expect(readWord2vec(readFileSync(path(`${which}.word2vec-binary`)), true)).toEqual({
      names: vocabulary,
      values: expected,
    })
    expect(readNpy(readFileSync(path(`${which}.npy`))).values).toEqual(expected)
  })

  it.each(['npy', 'safetensors'])('replaces no file where the names of %s go', async (format) => {
    const out = path(`own.${format}`)
    writeFileSync(`${out}.names.txt`, 'mine')
    const args = ['export', '--model', model, '--out', out, '--format', format]
    const { code, stderr } = await widehead(args)
    expect([code, stderr]).toEqual([2, expect.stringContaining(`${out}.names.txt is there already`)])
    expect(readFileSync(`${out}.names.txt`, 'utf8')).toBe('mine')
    expect((await widehead([...args, '--overwrite'])).code).toBe(0)
  })

  it('names the padding of text, and numbers of xmc', async () => {
    for (const [format, first, count] of [
      ['text', '<unk>', undefined],
      ['xmc', '0', 20],
    ] as const) {
      const out = path(`${format}-model`)
      const sizes = [
        '--hidden',
        format === 'text' ? 'none' : '8',
        '--epochs',
        '1',
        '--embedding',
        '8',
        '--head',
        'exact',
      ]
      expect(
        (await widehead(['train', '--train', path(format), '--out', out, '--format', format, ...sizes])).code,
      ).toBe(0)
      const args = ['export', '--model', out, '--out', path(`${format}.vec`), '--embeddings', 'input']
      expect((await widehead(args)).code).toBe(0)
      const read = readWord2vec(readFileSync(path(`${format}.vec`)), false)
      expect(read.names[0]).toBe(first)
      if (count) expect(read.names.length).toBe(count)
      else expect(read.names.at(-1)).toBe('<pad>')
    }
  })

  it('refuses what is no embedding, and leaves no file behind', async () => {
    const out = path('tree')
    const args = ['--hidden', '8', '--epochs', '1', '--format', 'sets', '--head', 'hierarchical']
    await widehead(['train', '--train', path('sets'), '--out', out, ...args])
    const { code, stderr } = await widehead(['export', '--model', out, '--out', path('tree.vec')])
    expect([code, stderr]).toEqual([2, expect.stringContaining('are those of nodes')])
    expect(existsSync(path('tree.vec'))).toBe(false)
  })
})

describe('widehead inspect', () => {
  it('tells tensors, norms and the spectrum of U', async () => {
    const { code, stdout } = await widehead(['inspect', path('model'), '--drift', '--json'])
    expect(code).toBe(0)
    const facts = JSON.parse(stdout)
    expect(facts).toMatchObject({ kind: 'exact', options: { hiddenSize: 8, bias: true } })
    expect(facts.files.map(({ name }: { name: string }) => name)).toEqual([
      'head.safetensors',
      'head.rows.safetensors',
      'trunk.safetensors',
    ])
    expect(facts.spectrum.smallest).toBeGreaterThan(0)
    expect(facts.spectrum.condition).toBeCloseTo(facts.spectrum.largest / facts.spectrum.smallest)
    expect(facts.diagnostics.condition).toBeGreaterThan(facts.spectrum.condition * 0.99)
    for (const error of Object.values<number>(facts.drift)) expect(error).toBeLessThan(1e-4)
    const { stdout: table } = await widehead(['inspect', join(path('model'), 'checkpoints')])
    for (const text of ['singular values of U', 'head.rows.safetensors', 'norms of rows of W', 'embedding']) {
      expect(table).toContain(text)
    }
    expect(table).not.toContain('drift')
  })

  it('has nothing to tell of a folder without a checkpoint', async () => {
    expect(await widehead(['inspect', folder])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('no checkpoint'),
    })
  })
})
