// widehead train --storage-file: the run, the model and what is made of it are those of a run in memory, to the last bit.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../data/helpers.js'
import { Random } from '../judge/random.js'
import { journalsOf, tensorsOf } from '../storage/helpers.js'
import { CORPORA, finished, jsonLines, start, widehead } from './helpers.js'

const folder = temporaryFolder()
const path = (name: string) => join(folder, name)
const random = new Random(Number(process.env.WIDEHEAD_TEST_SEED ?? 11))
writeFileSync(path('sets'), CORPORA.sets)
writeFileSync(path('text'), CORPORA.text)

const args = (out: string, ...more: string[]) => {
  const base = ['train', '--train', path('sets'), '--format', 'sets', '--out', path(out), '--hidden', '8']
  return [...base, '--batch', '16', '--epochs', '3', '--schedule', 'constant', '--checkpoint-every', '7', ...more]
}
const inFile = (out: string, ...more: string[]) => args(out, '--storage-file', path(`${out}.rows`), ...more)
const newest = (out: string) => readFileSync(join(path(out), 'checkpoints/latest'), 'utf8').trim()
const tensors = (out: string) => {
  const rows = existsSync(path(`${out}.rows`))
    ? path(`${out}.rows`)
    : join(path(out), 'checkpoints', newest(out), 'head.rows.safetensors')
  return tensorsOf(rows)
}
const ran = async (...command: string[]) => {
  const { code, stdout, stderr } = await widehead(command)
  expect([code, stderr]).toEqual([0, expect.anything()])
  return stdout
}

describe('train --storage-file', () => {
  it('trains, evaluates, predicts, exports and shows the model of a run in memory', async () => {
    await ran(...args('memory'))
    await ran(...inFile('file', '--durability', 'power'))
    expect(tensors('file').equals(tensors('memory'))).toBe(true)
    for (const command of ['evaluate', 'predict', 'export'] as const) {
      const [file, memory] = [[] as string[], [] as string[]]
      for (const [out, told] of [
        ['file', file],
        ['memory', memory],
      ] as const) {
        const model = ['--model', path(out)]
        if (command === 'evaluate')
          told.push(await ran('evaluate', ...model, '--data', path('sets'), '--history', path('sets')))
        if (command === 'predict') told.push((await widehead(['predict', ...model], 'g1i1 g1i2\ng2i3\n')).stdout)
        if (command === 'export') {
          await ran('export', ...model, '--out', path(`${out}.txt`), '--format', 'word2vec')
          told.push(readFileSync(path(`${out}.txt`), 'latin1'))
        }
      }
      expect(file.join('')).not.toBe('')
      expect(file, command).toEqual(memory)
    }
    const facts = JSON.parse(await ran('inspect', path('file'), '--json'))
    const known = JSON.parse(await ran('inspect', path('memory'), '--json'))
    expect(facts.rowNorms).toEqual(known.rowNorms)
    expect(facts.options.storage).toEqual({ kind: 'file', path: path('file.rows'), durability: 'power' })
    expect(facts.files.map(({ name }: { name: string }) => name)).toEqual(['head.safetensors', 'trunk.safetensors'])
  })

  it('leaves what is there alone unless it is told to replace it', async () => {
    await ran(...inFile('kept'))
    const before = readFileSync(path('kept.rows'))
    const again = await widehead(inFile('kept'))
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('already holds a model')])
    const other = await widehead(args('other', '--storage-file', path('kept.rows')))
    expect([other.code, other.stderr]).toEqual([4, expect.stringContaining('is there already')])
    expect(readFileSync(path('kept.rows')).equals(before)).toBe(true)
    await ran(...inFile('kept', '--overwrite', '--seed', '5'))
    expect(readFileSync(path('kept.rows')).equals(before)).toBe(false)
    writeFileSync(path('mine.rows'), 'no rows')
    for (const replaces of ['--resume', '--overwrite']) {
      const known = readFileSync(path('kept.rows'))
      const elsewhere = await widehead(args('elsewhere', replaces, '--storage-file', path('kept.rows')))
      expect([elsewhere.code, elsewhere.stderr]).toEqual([
        4,
        expect.stringContaining('a model that is not in this folder'),
      ])
      expect(readFileSync(path('kept.rows')).equals(known)).toBe(true)
    }
    const mine = await widehead(inFile('mine', '--overwrite'))
    expect([mine.code, mine.stderr]).toEqual([4, expect.stringContaining('mine.rows')])
    expect(readFileSync(path('mine.rows'), 'utf8')).toBe('no rows')
  })

  it('makes the file in the folder of the model, under a name that is free there', async () => {
    await ran(...args('within', '--storage-file', path('within/rows')))
    await ran(...args('within', '--storage-file', path('within/rows'), '--overwrite'))
    await ran('evaluate', '--model', path('within'), '--data', path('sets'))
    mkdirSync(path('own/checkpoints'), { recursive: true })
    for (const name of ['checkpoints/rows', 'metrics.jsonl']) {
      const { code, stderr } = await widehead(args('own', '--storage-file', path(`own/${name}`)))
      expect([code, stderr]).toEqual([2, expect.stringMatching(/own.(checkpoints|metrics.jsonl), which the model has/)])
    }
    const wrong = await widehead(args('none', '--storage-file', path('sets/rows')))
    expect([wrong.code, existsSync(path('none'))]).toEqual([4, false])
  })

  it('replaces no rows of another model, however far its own has come', async () => {
    await ran(...inFile('theirs'))
    await ran(...args('mine'))
    const before = readFileSync(path('theirs.rows'))
    for (const replaces of ['--overwrite', '--resume']) {
      const { code, stderr } = await widehead(args('mine', replaces, '--storage-file', path('theirs.rows')))
      expect([code, stderr]).toEqual([4, expect.stringContaining('a model that is not in this folder')])
      expect(readFileSync(path('theirs.rows')).equals(before)).toBe(true)
      rmSync(path('mine/checkpoints'), { recursive: true, force: true }) // as if it had come to none
    }
  })

  it('starts a run anew whose first checkpoint was cut off', async () => {
    await ran(...inFile('cut', '--epochs', '1', '--checkpoint-every', '1000'))
    rmSync(path('cut/checkpoints'), { recursive: true })
    const { code, stderr } = await widehead(inFile('cut', '--resume'))
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('still in')])
    await ran('evaluate', '--model', path('cut'), '--data', path('sets'))
    // As a process leaves it that is killed while it makes it.
    for (const bytes of [4096, 0]) {
      rmSync(path('cut'), { recursive: true })
      writeFileSync(
        path('cut.rows'),
        new Uint8Array(readFileSync(path('cut.rows')).subarray(0, bytes)).fill(32, 34, 78),
      )
      await ran(...inFile('cut', '--resume'))
    }
  })

  it('tells where the rows are that it leaves behind, and follows links', async () => {
    await ran(...inFile('linked'))
    renameSync(path('linked.rows'), path('elsewhere.rows'))
    symlinkSync(path('elsewhere.rows'), path('linked.rows'))
    const before = readFileSync(path('elsewhere.rows'))
    const { stderr: silent } = await widehead(inFile('linked', '--overwrite', '--seed', '5'))
    expect(silent).not.toContain('still in')
    expect(readlinkSync(path('linked.rows'))).toBe(path('elsewhere.rows'))
    expect(readFileSync(path('elsewhere.rows')).equals(before)).toBe(false)
    const { stderr } = await widehead(args('linked', '--overwrite'))
    expect(stderr).toContain(`the rows of the model that was replaced are still in ${path('elsewhere.rows')}: unless`)
    expect((await widehead(args('linked', '--overwrite'))).stderr).not.toContain('still in')
  })

  it('goes on where the file is now, and not without it', async () => {
    await ran(...inFile('moved'))
    const { code, stderr } = await widehead(
      args('moved', '--resume', '--epochs', '4', '--storage-file', path('elsewhere')),
    )
    expect([code, stderr]).toEqual([4, expect.stringContaining('elsewhere: no such file')])
    await ran(...args('moved', '--resume', '--epochs', '4')) // the checkpoint knows where it is
    await ran(...args('four', '--epochs', '4'))
    expect(tensors('moved').equals(tensors('four'))).toBe(true)
    rmSync(path('moved.rows'))
    expect((await widehead(['evaluate', '--model', path('moved'), '--data', path('sets')])).code).toBe(4)
  })

  it.each([
    [['--head', 'dense', '--storage-file', 'x'], '--storage-file is for the head exact, not dense'],
    [['--durability', 'power'], '--durability needs --storage-file'],
    [['--storage-file', 'x', '--durability', 'none'], 'Allowed choices are process, power'],
  ])('refuses %j', async (options, message) => {
    const { code, stderr } = await widehead(args('refused', ...options))
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
    expect(existsSync(path('refused'))).toBe(false)
  })
})

describe.runIf(process.platform !== 'win32')('kill -9 of train --storage-file', () => {
  const kills = process.env.WIDEHEAD_TEST_LONG === '1' ? 20 : 4
  writeFileSync(path('wide'), Array.from({ length: 400 }, (_, i) => `w${i % 97} v${(7 * i) % 89} u${i}`).join('\n'))
  const long = (out: string, ...more: string[]) => {
    const data = ['train', '--train', path('wide'), '--format', 'sequences', '--out', path(out), '--head', 'exact']
    const sizes = ['--hidden', '32', '--embedding', '64', '--batch', '16', '--epochs', String(6 * kills)]
    return [...data, ...sizes, '--checkpoint-every', '1', '--log-every', '1', '--threads', '1', ...more]
  }

  it(`at ${kills} random moments ends with the model of a run that was not stopped`, async () => {
    for (let kill = 0; kill < kills; kill++) {
      const child = start(long('killed', '--storage-file', path('killed.rows'), '--resume'))
      const result = finished(child)
      const checkpoints = join(path('killed'), 'checkpoints')
      const entries = () => (existsSync(checkpoints) ? readdirSync(checkpoints).join() : '')
      const before = entries()
      while (entries() === before && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5))
      await new Promise((resolve) => setTimeout(resolve, random.between(0, 200)))
      child.kill('SIGKILL')
      expect((await result).stderr).not.toMatch(/widehead:/)
    }
    const end = await finished(start(long('killed', '--storage-file', path('killed.rows'), '--resume')))
    expect([end.code, end.stderr]).toEqual([0, expect.stringContaining('going on from step')])
    await finished(start(long('unharmed')))
    expect(tensors('killed').equals(tensors('unharmed'))).toBe(true)
    expect(journalsOf({ kind: 'file', path: path('killed.rows') }).length).toBeLessThanOrEqual(1)
    const steps = (out: string) =>
      jsonLines(readFileSync(join(path(out), 'metrics.jsonl'), 'utf8'))
        .filter(({ kind }) => kind === 'step')
        .map(({ step, loss }) => [step, loss])
    expect(steps('killed')).toEqual(steps('unharmed'))
  })
})
