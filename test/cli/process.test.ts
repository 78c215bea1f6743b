// What only a process of its own shows: signals, pipes that close, stdin that comes line by line.

import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../data/helpers.js'
import { CORPORA, finished, jsonLines, start, widehead } from './helpers.js'

const folder = temporaryFolder()
const corpus = join(folder, 'sequences')
writeFileSync(corpus, CORPORA.sequences)

const TRAIN = ['train', '--train', corpus, '--hidden', 'none', '--embedding', '8', '--log-every', '1']

/** Starts a long training and waits until it has made a step. */
async function training(out: string) {
  const child = start([...TRAIN, '--out', out, '--epochs', '1000000'])
  const result = finished(child)
  const log = join(out, 'metrics.jsonl')
  while (!existsSync(log) || !readFileSync(log, 'utf8').includes('"step"')) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { child, result }
}

describe('signals', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 0],
  ] as const)('%s saves and ends with %i', async (signal, code) => {
    const out = join(folder, signal)
    const { child, result } = await training(out)
    child.kill(signal)
    expect((await result).code).toBe(code)
    expect((await result).stderr).toContain(`${signal}: saving, then stopping`)
    expect(jsonLines(readFileSync(join(out, 'metrics.jsonl'), 'utf8')).at(-1)).toMatchObject({
      kind: 'end',
      stopped: true,
    })
    const { code: evaluated } = await widehead(['evaluate', '--model', out, '--data', corpus])
    expect(evaluated).toBe(0)
  })

  it.each([
    ['SIGINT', 'train', 130],
    ['SIGTERM', 'train', 143],
    ['SIGTERM', 'evaluate', 143],
  ] as const)('%s while %s reads its data leaves no copy of them', async (signal, command, code) => {
    const temporary = join(folder, `tmp-${signal}-${command}`)
    mkdirSync(temporary)
    const out = join(folder, `early-${signal}`)
    const args =
      command === 'train' ? [...TRAIN, '--train', '-', '--out', out] : [command, '--model', out, '--data', '-']
    const child = start(args, { TMPDIR: temporary })
    const result = finished(child)
    child.stdin?.on('error', () => {})
    child.stdin?.write('a b c\n')
    while (!readdirSync(temporary, { recursive: true }).some((name) => String(name).endsWith('0'))) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    child.kill(signal)
    expect((await result).code).toBe(code)
    expect(readdirSync(temporary)).toEqual([])
    expect(existsSync(out)).toBe(false)
  })
})

describe('pipes', () => {
  it('answers a line before the next one comes', async () => {
    const out = join(folder, 'model')
    await widehead([...TRAIN, '--out', out, '--epochs', '1'])
    const child = start(['predict', '--model', out, '--top', '1'])
    const answer = () => new Promise<string>((resolve) => child.stdout?.once('data', (chunk) => resolve(String(chunk))))
    for (const line of [1, 2]) {
      const coming = answer()
      child.stdin?.write('s1 s2\n')
      expect(JSON.parse(await coming)).toMatchObject({ line })
    }
    child.stdin?.end()
    expect((await finished(child)).code).toBe(0)
  })

  it('trains on when nobody reads stderr', async () => {
    const out = join(folder, 'unread')
    const child = start([...TRAIN, '--valid', corpus, '--out', out, '--epochs', '20'])
    child.stderr?.once('data', () => child.stderr?.destroy())
    const code = await new Promise((resolve) => child.on('close', resolve))
    expect(code).toBe(0)
    expect(jsonLines(readFileSync(join(out, 'metrics.jsonl'), 'utf8')).at(-1)).toMatchObject({ kind: 'end' })
  })

  it.skipIf(!existsSync('/dev/full'))('is an error of one line when the disk takes no results', async () => {
    const out = join(folder, 'results')
    await widehead([...TRAIN, '--out', out, '--epochs', '1'])
    const child = start(['evaluate', '--model', out, '--data', corpus], {}, [
      'ignore',
      openSync('/dev/full', 'w'),
      'pipe',
    ])
    expect(await finished(child)).toMatchObject({
      code: 4,
      stderr: 'widehead: cannot write to standard output: no space left on the device\n',
    })
  })

  it('ends quietly when nobody reads', async () => {
    const out = join(folder, 'quiet')
    await widehead([...TRAIN, '--out', out, '--epochs', '1'])
    const child = start(['predict', '--model', out])
    const result = finished(child)
    child.stdout?.destroy()
    child.stdin?.on('error', () => {}) // it stops reading, too
    child.stdin?.end('s1 s2\n'.repeat(20_000))
    expect(await result).toMatchObject({ code: 0, stderr: '' })
  })
})
