// Checkpoints of heads whose rows are a file: whatever is done to the rows afterwards, loading leads back to the very bits.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ExactHead, loadHead, readCheckpoint } from '../../lib/index.js'
import { course, minibatches } from '../checkpoint/helpers.js'
import { temporaryFolder } from '../data/helpers.js'
import { Random } from '../judge/random.js'
import { busy, busyRate, type FileStorage, freshFiles, headerOf, inFile, journalsOf, tensorsOf } from './helpers.js'

const fresh = freshFiles()
const root = temporaryFolder()
let count = 0
const folder = () => join(root, `${count++}`)
const random = new Random(Number(process.env.WIDEHEAD_TEST_SEED ?? 20261129))
const batches = minibatches(300)
const memory = { storage: { kind: 'memory' } } as const
const refused = (text: string) => ({
  name: 'WideheadError',
  code: 'WIDEHEAD_FILE',
  message: expect.stringContaining(text),
})

const train = (head: ExactHead, from: number, to: number) => course(head, batches.slice(from, to), busyRate)
/** What one in memory is after so many steps. */
function reference(steps: number) {
  const head = new ExactHead(busy)
  const { weights, diagnostics } = train(head, 0, steps)
  head.close()
  return { losses: [], weights, diagnostics }
}

describe.each(['process', 'power'] as const)('durability %s', (durability) => {
  it('goes back to each checkpoint and on from it as if nothing had come between', async () => {
    const storage: FileStorage = { ...fresh(), durability }
    const out = folder()
    const whole = new ExactHead(busy)
    const uninterrupted = train(whole, 0, 300)
    let head = inFile(storage)
    let saved = 0
    while (saved < 300) {
      const next = Math.min(300, saved + 1 + random.below(durability === 'power' ? 60 : 30))
      train(head, saved, next)
      await head.save(out)
      // What is changed now is not to be found again: by steps, by all rows at once, or by nothing.
      const lost = random.below(3)
      if (lost === 0) train(head, next, Math.min(300, next + 10))
      if (lost === 1) head.catchUp()
      head.close()
      head = await ExactHead.load(out)
      expect(journalsOf(storage).length, `lost ${lost}`).toBeLessThanOrEqual(1) // of the checkpoint before
      saved = next
      const expected = reference(saved)
      expect(train(head, 0, 0), `at ${saved}`).toEqual(expected)
    }
    expect(train(head, 0, 0).weights.equals(uninterrupted.weights)).toBe(true)
    head.close()
  })
})

describe('save', () => {
  it('copies no row, and is of the moment it was asked for', async () => {
    const [storage, out] = [fresh(), folder()]
    const head = inFile(storage)
    train(head, 0, 50)
    const saving = head.save(out)
    const rest = train(head, 50, 100)
    const { path } = await saving
    expect(readdirSync(path)).toEqual(['head.safetensors'])
    expect(headerOf(join(path, 'head.safetensors'))).not.toHaveProperty('V')
    expect(rest.weights.equals(reference(100).weights)).toBe(true)
    head.close()
    const loaded = await ExactHead.load(out)
    expect(train(loaded, 0, 0)).toEqual(reference(50))
    loaded.close()
  })

  it('takes many at once among asynchronous steps', async () => {
    const [storage, out] = [fresh(), folder()]
    const head = inFile(storage)
    const saves = batches.slice(0, 60).map(({ hidden, targets }, i) => {
      head.stepAsync(hidden, targets, { learningRate: busyRate, weightDecay: 0.001 })
      return i % 7 === 3 ? head.save(out, { keep: 3 }) : undefined
    })
    await Promise.all(saves)
    head.close()
    for (const step of [60, 53, 46]) {
      const loaded = await ExactHead.load(join(out, `step-${step}`))
      expect(train(loaded, 0, 0).weights.equals(reference(step).weights), `${step}`).toBe(true)
      loaded.close()
    }
  })

  it('that fails leaves the head and the checkpoint before as they are', async () => {
    const [storage, out] = [fresh(), folder()]
    const head = inFile(storage)
    train(head, 0, 20)
    await head.save(out)
    train(head, 20, 40)
    const aside = folder()
    renameSync(out, aside)
    writeFileSync(out, '')
    for (let i = 0; i < 2; i++) {
      await expect(head.save(out)).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
      train(head, 40 + 5 * i, 45 + 5 * i)
    }
    rmSync(out)
    renameSync(aside, out)
    head.close()
    const loaded = await ExactHead.load(out)
    expect(train(loaded, 0, 0)).toEqual(reference(20))
    train(loaded, 20, 50)
    await loaded.save(out)
    loaded.close()
    const again = await ExactHead.load(out)
    expect(train(again, 0, 0).weights.equals(reference(50).weights)).toBe(true)
    again.close()
  })

  it('is to one folder: what leads back to checkpoints in another would go', async () => {
    const [storage, out, other] = [fresh(), folder(), folder()]
    writeFileSync(other, '')
    let head = inFile(storage)
    await expect(head.save(other)).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' }) // nothing is there yet
    rmSync(other)
    for (const end of [10, 20]) {
      train(head, end - 10, end)
      const saving = head.save(out)
      const message = expect.stringContaining(`folder must be ${realpathSync(out)}, where the rows in a file have`)
      await expect(head.save(other)).rejects.toMatchObject({ code: 'WIDEHEAD_OUT_OF_RANGE', message })
      await saving
      await expect(head.save(other)).rejects.toThrow(RangeError)
      head.close()
      head = await ExactHead.load(out)
    }
    await expect(head.save(other)).rejects.toThrow(RangeError)
    expect(existsSync(other)).toBe(false)
    symlinkSync(out, other)
    await head.save(other, { keep: 3 })
    head.close()
    for (const step of [20, 10]) {
      const look = await ExactHead.load(join(out, `step-${step}`))
      expect(train(look, 0, 0), `${step}`).toEqual(reference(step))
      look.close()
    }
  })

  it('keeps a way back to as many checkpoints as there are, and to no other', async () => {
    const [storage, out] = [fresh(), folder()]
    const head = inFile(storage)
    for (let step = 10; step <= 50; step += 10) {
      train(head, step - 10, step)
      await head.save(out, { keep: 3 })
      expect(journalsOf(storage).length).toBe(Math.min(step / 10 - 1, 2))
    }
    train(head, 50, 60)
    head.close()
    for (const step of [30, 40, 50]) {
      const look = await ExactHead.load(join(out, `step-${step}`), memory)
      expect(train(look, 0, 0), `${step}`).toEqual(reference(step))
      look.close()
    }
    // To go on from an older one is to leave the newer ones behind.
    const back = await ExactHead.load(join(out, 'step-40'))
    expect(train(back, 0, 0)).toEqual(reference(40))
    back.close()
    await expect(ExactHead.load(out)).rejects.toMatchObject(refused('has gone another way'))
    const older = await ExactHead.load(join(out, 'step-30'))
    expect(train(older, 0, 0)).toEqual(reference(30))
    train(older, 30, 35)
    await older.save(out, { keep: 1 })
    expect(journalsOf(storage)).toEqual([])
    older.close()
    await ExactHead.load(out).then((last) => last.close())
  })
})

describe('the file', () => {
  it('is a safetensors file whose tensors begin at a page', async () => {
    const storage = fresh()
    const head = inFile(storage, { bias: true, numClasses: 77 })
    const bytes = readFileSync(storage.path)
    const begin = 8 + Number(bytes.readBigUInt64LE(0))
    expect(begin % 4096).toBe(0)
    const { V, positions } = headerOf(storage.path)
    expect(V).toEqual({ dtype: 'F32', shape: [77, 13], data_offsets: [0, 4004] })
    expect(positions).toEqual({ dtype: 'U32', shape: [77, 1], data_offsets: [4004, 4312] })
    expect(bytes.length).toBe(begin + 4312)
    // As no step was made, V is W.
    const row = new Float32Array(new Uint8Array(bytes.subarray(begin + 52, begin + 104)).buffer)
    expect([...row.subarray(0, 12)]).toEqual([...head.rows(Int32Array.of(1))])
    head.close()
  })

  it('is one head’s alone', async () => {
    const [storage, out] = [fresh(), folder()]
    const head = inFile(storage)
    expect(() => inFile(storage)).toThrow('is there already')
    await head.save(out)
    await expect(ExactHead.load(out)).rejects.toMatchObject(refused('is in use by another head or process'))
    await expect(ExactHead.load(out, memory)).rejects.toMatchObject(refused('is in use'))
    expect(train(head, 0, 30).weights.equals(reference(30).weights)).toBe(true)
    head.close()
    await ExactHead.load(out).then((loaded) => loaded.close())
  })

  it('goes with a head that was never saved', () => {
    const storage = fresh()
    const head = inFile(storage)
    expect(existsSync(storage.path)).toBe(true)
    head.close()
    expect(existsSync(storage.path)).toBe(false)
  })

  it('goes with one whose first save could not begin', async () => {
    const [storage, out] = [fresh(), folder()]
    writeFileSync(out, '')
    const head = inFile(storage)
    await expect(head.save(out)).rejects.toMatchObject({ code: 'WIDEHEAD_FILE' })
    head.close()
    expect(existsSync(storage.path)).toBe(false)
  })

  it('keeps its durability, and its journals beside itself, under whatever name it is opened', async () => {
    const storage = { ...fresh(), durability: 'power' } as const
    const [out, link] = [folder(), join(root, 'link')]
    const head = inFile(storage)
    await head.save(out)
    head.close()
    symlinkSync(storage.path, link)
    const linked = await ExactHead.load(out, { storage: { kind: 'file', path: link } })
    train(linked, 0, 5)
    expect(journalsOf(storage).length).toBe(1)
    await linked.save(out)
    linked.close()
    expect((await readCheckpoint(out)).options.storage).toEqual({ ...storage, path: realpathSync(storage.path) })
    const again = await ExactHead.load(out, { storage: { ...storage, durability: 'process' } })
    expect(train(again, 0, 0)).toEqual(reference(5))
    train(again, 5, 6)
    await again.save(out)
    again.close()
    expect((await readCheckpoint(out)).options.storage).toMatchObject({ durability: 'process' })
  })

  it('is where it was if what lies as far from the checkpoints is another', async () => {
    const [a, b] = [folder(), folder()]
    for (const home of [a, b]) {
      mkdirSync(home)
      const head = inFile({ kind: 'file', path: join(home, 'rows') })
      train(head, 0, home === a ? 20 : 5)
      await head.save(join(home, 'checkpoints'))
      head.close()
    }
    renameSync(join(a, 'checkpoints'), join(b, 'moved'))
    const head = await ExactHead.load(join(b, 'moved'))
    expect(train(head, 0, 0)).toEqual(reference(20))
    head.close()
  })

  it('that has changed is refused without its journal', async () => {
    const [storage, out] = [fresh(), folder()]
    const head = inFile(storage)
    await head.save(out)
    train(head, 0, 5)
    head.close()
    const [journal] = journalsOf(storage)
    rmSync(join(storage.path, '..', journal))
    const before = readFileSync(storage.path)
    for (const options of [{}, memory]) {
      await expect(ExactHead.load(out, options)).rejects.toMatchObject(
        refused('the journal that would lead back is gone'),
      )
    }
    expect(readFileSync(storage.path).equals(before)).toBe(true)
  })

  it('may be moved with its checkpoints, or alone if that is said', async () => {
    const home = folder()
    mkdirSync(home)
    const out = join(home, 'checkpoints')
    const head = inFile({ kind: 'file', path: join(home, 'rows') })
    train(head, 0, 30)
    await head.save(out)
    train(head, 30, 40)
    head.close()
    const [moved, alone] = [folder(), join(root, 'alone')]
    renameSync(home, moved)
    const near = await ExactHead.load(join(moved, 'checkpoints'))
    expect(train(near, 0, 0)).toEqual(reference(30))
    near.close()
    renameSync(join(moved, 'rows'), alone)
    await expect(ExactHead.load(join(moved, 'checkpoints'))).rejects.toMatchObject(refused('no such file'))
    const told = await loadHead(join(moved, 'checkpoints'), { storage: { kind: 'file', path: alone } })
    expect(train(told as ExactHead, 0, 0)).toEqual(reference(30))
    told.close()
  })

  it('that is another is refused', async () => {
    const [a, b] = [fresh(), fresh()]
    const [inA, inB] = [folder(), folder()]
    for (const [storage, out] of [
      [a, inA],
      [b, inB],
    ] as const) {
      const head = inFile(storage)
      train(head, 0, 5)
      await head.save(out)
      train(head, 5, 6)
      head.close()
    }
    await expect(ExactHead.load(inA, { storage: b })).rejects.toMatchObject(refused('does not lead back'))
    const { path } = fresh()
    writeFileSync(path, 'no rows')
    await expect(ExactHead.load(inA, { storage: { kind: 'file', path } })).rejects.toMatchObject(refused(path))
    await expect(
      ExactHead.load(inA, { storage: { kind: 'file', path: join(inA, 'step-5/head.safetensors') } }),
    ).rejects.toMatchObject(refused('is missing'))
    const plain = new ExactHead(busy)
    const inMemory = folder()
    await plain.save(inMemory)
    await expect(ExactHead.load(inMemory, { storage: fresh() })).rejects.toMatchObject(
      refused('has its rows in memory'),
    )
    await ExactHead.load(inA).then((head) => head.close())
  })
})

describe('kind memory of a file’s checkpoint', () => {
  it('reads the file alone, beside others, and may be trained and saved', async () => {
    const [storage, out] = [fresh(), folder()]
    const head = inFile(storage)
    train(head, 0, 40)
    await head.save(out)
    train(head, 40, 70)
    head.close()
    const [before, journals] = [readFileSync(storage.path), journalsOf(storage)]
    const [one, other] = [await ExactHead.load(out, memory), await ExactHead.load(out, memory)]
    expect(train(one, 0, 0)).toEqual(reference(40))
    await expect(ExactHead.load(out)).rejects.toMatchObject(refused('in use'))
    expect(train(one, 40, 80).weights.equals(reference(80).weights)).toBe(true)
    expect(train(other, 0, 0)).toEqual(reference(40))
    const whole = folder()
    await one.save(whole)
    const copy = await ExactHead.load(whole)
    expect(train(copy, 0, 0).weights.equals(reference(80).weights)).toBe(true)
    for (const closed of [one, other, copy]) closed.close()
    expect(readFileSync(storage.path).equals(before)).toBe(true)
    expect(journalsOf(storage)).toEqual(journals)
    const plain = new ExactHead(busy)
    train(plain, 0, 40)
    const inMemory = folder()
    const { path } = await plain.save(inMemory)
    const back = await ExactHead.load(out)
    back.close()
    expect(tensorsOf(storage.path).equals(tensorsOf(join(path, 'head.rows.safetensors')))).toBe(true)
  })
})
