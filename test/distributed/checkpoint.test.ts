// Checkpoints of several ranks: each writes its rows, and any number of ranks goes on from them.

import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import type { NativeFilePlan } from '../../lib/binding.js'
import { inTurn } from '../../lib/checkpoint/folder.js'
import { inspectCheckpoint } from '../../lib/checkpoint/inspect.js'
import { ExactHead, loadHead, squaredError, Trunk } from '../../lib/index.js'
import { native } from '../../lib/native.js'
import { temporaryFolder } from '../data/helpers.js'
import { range } from '../judge/compare.js'
import { relativeError } from '../judge/float64-head.js'
import { Stream } from '../judge/stream.js'
import { headOn, opened, ranks, shares } from './helpers.js'

const folder = temporaryFolder()
const { open, group, load } = opened()

const shape = { numClasses: 90, hiddenSize: 8 }
const options = { ...shape, loss: squaredError(), bias: true, init: { kind: 'normal', scale: 0.2 } as const }
// Steps that make the head write corrections, so that the log has something to lose.
const learningRate = 0.05
const batches = Array.from({ length: 400 }, (_, seed) => new Stream({ ...shape, batchSize: 6, seed }).next())

/** Losses of steps `from` to `to - 1`, on one head or on the ranks of one. */
async function train(heads: readonly ExactHead[], from: number, to: number): Promise<number[]> {
  const losses: number[] = []
  for (let step = from; step < to; step++) {
    const parts = shares(batches[step], shape.hiddenSize, heads.length)
    const results = await Promise.all(
      heads.map((head, r) => head.stepAsync(parts[r].hidden, parts[r].targets, { learningRate })),
    )
    losses.push(results[0].loss)
  }
  return losses
}

describe('elastic', () => {
  test('4 ranks, then 2, then 1, then none: the losses of a run that was never stopped', async () => {
    const path = join(folder, 'elastic')
    const one = new ExactHead(options)
    open.push(one)
    const expected = await train([one], 0, 400)
    expect(one.diagnostics().logLength).toBeGreaterThan(40)

    let heads = headOn(group(4), options)
    open.push(...heads)
    const losses = await train(heads, 0, 100)
    for (const [next, from] of [
      [2, 100],
      [1, 200],
      [0, 300],
    ]) {
      await Promise.all(heads.map((head) => head.save(path)))
      heads = await load(ExactHead, path, next)
      losses.push(...(await train(heads, from, from + 100)))
    }
    for (const [step, loss] of losses.entries()) {
      expect(Math.abs(loss - expected[step]), `step ${step}`).toBeLessThan(1e-5 * Math.max(1, expected[step]))
    }
    const classes = range(0, shape.numClasses)
    expect(relativeError(heads[0].rows(classes), one.rows(classes))).toBeLessThan(5e-6)
  })

  test.each([
    [1, 3],
    [3, 4],
    [4, 3],
    [2, 4],
    [3, 0],
  ])('from %i ranks to %i, the weights are the same', async (from, to) => {
    const path = join(folder, `${from} to ${to}`)
    const heads = from === 1 ? [new ExactHead(options)] : headOn(group(from), options)
    open.push(...heads)
    await train(heads, 0, 60)
    const classes = range(0, shape.numClasses)
    const [before] = await Promise.all(heads.map((head) => head.rowsAsync(classes)))
    await Promise.all(heads.map((head) => head.save(path)))
    const loaded = await load(ExactHead, path, to)
    for (const rows of await Promise.all(loaded.map((head) => head.rowsAsync(classes)))) {
      expect(relativeError(rows, before)).toBeLessThan(1e-6)
    }
    await train(loaded, 60, 160)
    expect((await Promise.all(loaded.map((head) => head.driftAsync())))[0].Q).toBeLessThan(1e-5)
  })

  test('the same number of ranks goes on bit for bit', async () => {
    const path = join(folder, 'same')
    const heads = headOn(group(3), options)
    open.push(...heads)
    await train(heads, 0, 80)
    await Promise.all(heads.map((head) => head.save(path)))
    const loaded = await load(ExactHead, path, 3)
    expect(await train(loaded, 80, 160)).toEqual(await train(heads, 80, 160))
  })
})

describe('a checkpoint of several ranks', () => {
  test('is one folder, with a file of rows a rank', async () => {
    const path = join(folder, 'files')
    const heads = headOn(group(2), options)
    const trunk = new Trunk({ vocabularySize: 5, embeddingSize: 8 })
    open.push(...heads, trunk)
    await train(heads, 0, 3)
    const saved = await Promise.all(heads.map((head) => head.save(path, { trunk, facts: { note: 7 } })))
    expect(saved[0]).toEqual({ path: join(path, 'step-3'), step: 3 })
    expect(saved[1]).toEqual(saved[0])
    expect(readdirSync(path).sort()).toEqual(['latest', 'step-3'])
    expect(readdirSync(join(path, 'step-3')).sort()).toEqual([
      'head.rows.0-of-2.safetensors',
      'head.rows.1-of-2.safetensors',
      'head.safetensors',
      'trunk.safetensors',
    ])
    const facts = await inspectCheckpoint(path)
    expect(facts).toMatchObject({ step: 3, kind: 'exact', facts: { note: 7 } })
    expect(facts.files).toHaveLength(4)
    expect((await loadHead(path)).numClasses).toBe(90)
    // Once more at the same step, while steps go on.
    const again = heads.map((head) => head.save(path))
    await train(heads, 3, 10)
    expect((await Promise.all(again)).map((one) => one.path)).toEqual(Array(2).fill(join(path, 'step-3-2')))
  })

  test('is not there if a part of it is missing', async () => {
    const path = join(folder, 'part')
    const heads = headOn(group(2), options)
    open.push(...heads)
    await train(heads, 0, 3)
    await Promise.all(heads.map((head) => head.save(path)))
    rmSync(join(path, 'step-3', 'head.rows.1-of-2.safetensors'))
    await expect(ExactHead.load(path)).rejects.toMatchObject({ code: 'WIDEHEAD_FILE', message: /head\.rows\.1-of-2/ })
  })

  test('that cannot be written fails on all ranks, which go on', async () => {
    const path = join(folder, 'blocked')
    writeFileSync(path, 'a file, and no folder')
    const heads = headOn(group(2), options)
    open.push(...heads)
    await train(heads, 0, 3)
    for (const result of await Promise.allSettled(heads.map((head) => head.save(path)))) {
      expect(result).toMatchObject({ reason: { code: 'WIDEHEAD_FILE' } })
    }
    rmSync(path)
    mkdirSync(path)
    await train(heads, 3, 6)
    expect((await Promise.all(heads.map((head) => head.save(path))))[1].step).toBe(6)
  })

  test('that cannot be named the newest fails on all ranks, and is not there', async () => {
    const path = join(folder, 'unnamed')
    const latest = join(path, 'latest')
    mkdirSync(latest, { recursive: true })
    const heads = headOn(group(2), options)
    open.push(...heads)
    for (const result of await Promise.allSettled(heads.map((head) => head.save(path)))) {
      expect(result).toMatchObject({ reason: { code: 'WIDEHEAD_FILE' } })
    }
    expect(readdirSync(path)).toEqual(['latest'])
    rmSync(latest, { recursive: true })
    expect((await Promise.all(heads.map((head) => head.save(path)))).map(({ step }) => step)).toEqual([0, 0])
  })

  test('that ranks would write to two folders is refused on all, and they go on', async () => {
    const heads = headOn(group(2), options)
    open.push(...heads)
    const path = (rank: number) => join(folder, `two ${rank}`)
    const [first, second] = await Promise.allSettled(heads.map((head, rank) => head.save(path(rank))))
    const message = `cannot write a checkpoint in ${path(1)}: rank 0 writes to another folder`
    expect(first).toMatchObject({ reason: { code: 'WIDEHEAD_FILE', message: `rank 1: ${message}` } })
    expect(second).toMatchObject({ reason: { code: 'WIDEHEAD_FILE', message } })
    expect(readdirSync(path(0))).toEqual([])
    await Promise.all(heads.map((head) => head.save(path(0))))
    // What one folder is called on one rank and on another does not matter.
    symlinkSync(path(0), path(1))
    const saves = await Promise.all(heads.map((head, rank) => head.save(path(rank))))
    expect(saves.map((saved) => saved.path)).toEqual([join(path(0), 'step-0-2'), join(path(1), 'step-0-2')])
  })

  test('that one rank cannot save, none does: each is told why, nothing is left, and they go on', async () => {
    const path = join(folder, 'refused')
    const heads = headOn(group(2), options)
    open.push(...heads)
    await train(heads, 0, 3)
    const circular: Record<string, unknown> = {}
    circular.self = circular
    for (const [bad, fault, code, message] of [
      [1, { keep: 0 }, 'WIDEHEAD_OUT_OF_RANGE', /^keep must be/],
      [0, { keep: 0.5 }, 'WIDEHEAD_OUT_OF_RANGE', /^keep must be/],
      [1, { facts: circular }, 'WIDEHEAD_INVALID_TYPE', /^facts must be/],
      [1, null as unknown as object, 'WIDEHEAD_INVALID_TYPE', /^options must be/],
    ] as const) {
      const saves = await Promise.allSettled(heads.map((head, rank) => head.save(path, rank === bad ? fault : {})))
      expect(saves[bad]).toMatchObject({ reason: { code, message: expect.stringMatching(message) } })
      const told = expect.stringContaining(`rank ${bad}: ${(saves[bad] as PromiseRejectedResult).reason.message}`)
      expect(saves[1 - bad]).toMatchObject({ reason: { code: 'WIDEHEAD_DISTRIBUTED', message: told } })
      expect(existsSync(path) ? readdirSync(path) : []).toEqual([])
    }
    await train(heads, 3, 6)
    expect((await Promise.all(heads.map((head) => head.save(path)))).map(({ step }) => step)).toEqual([6, 6])
  }, 20_000)

  test('of one step, asked for twice at once, are two', async () => {
    const path = join(folder, 'twice')
    const heads = headOn(group(3), options)
    open.push(...heads)
    await train(heads, 0, 3)
    const saves = heads.flatMap((head) => [head.save(path), head.save(path, { facts: { second: true } })])
    const paths = (await Promise.all(saves)).map((saved) => saved.path)
    const [first, second] = [join(path, 'step-3'), join(path, 'step-3-2')]
    expect(paths).toEqual([first, second, first, second, first, second])
    expect((await inspectCheckpoint(first)).facts).toEqual({})
    expect((await inspectCheckpoint(second)).facts).toEqual({ second: true })
  })

  test('waits for its turn in the folder longer than ranks wait for one that is silent', async () => {
    const path = join(folder, 'turn')
    const communicators = ranks(2, { stallTimeout: 1 })
    const heads = headOn(communicators, options)
    open.push(...heads, ...communicators)
    await train(heads, 0, 3)
    const busy = inTurn(path, () => sleep(3000))
    const saves = await Promise.all(heads.map((head) => head.save(path)))
    await busy
    expect(saves.map(({ step }) => step)).toEqual([3, 3])
  })

  test.each([
    ['write', (file: NativeFilePlan) => ({ ...file, path: `${file.path}/none` })],
    [
      'begin',
      () => {
        throw new Error('no copy of the process')
      },
    ],
  ])(
    'of which one rank cannot %s its part fails on all and leaves nothing',
    async (what, spoilt) => {
      const path = join(folder, `cannot ${what}`)
      const heads = headOn(group(2), options)
      open.push(...heads)
      await train(heads, 0, 3)
      const { forkFiles } = native
      const isSecond = ({ path }: NativeFilePlan) => path.includes('1-of-2')
      const spy = vi.spyOn(native, 'forkFiles').mockImplementation((files) => {
        return forkFiles(files.some(isSecond) ? files.map(spoilt) : files)
      })
      const [first, second] = await Promise.allSettled(heads.map((head) => head.save(path)))
      spy.mockRestore()
      expect(first).toMatchObject({ reason: { code: 'WIDEHEAD_FILE', message: /^rank 1: / } })
      expect(second.status).toBe('rejected')
      expect(readdirSync(path)).toEqual([])
      await train(heads, 3, 6)
      await Promise.all(heads.map((head) => head.save(path)))
      expect(readdirSync(path).sort()).toEqual(['latest', 'step-6'])
    },
    20_000,
  )
})
